# ctest: timeout=180
# Who is not known here: an operator's endpoint is asked, tokens are taken in the place of keys.
load ../support/common
load ../support/ingest

endpoint() {
  local at
  at=$(free_port)
  start endpoint auth_endpoint.py "$at" "$T/secret/questions"
  wait_for 10 port_open "$at"
  auth=http://127.0.0.1:$at/may-publish
}

# attempt KEY: an RTMP publisher that asks to be let in; what became of it in $T/KEY.json
attempt() { peer attack refusal "$port" "$1" >"$T/$1.json"; }

refusals() { jq -rs "map(select(.event == \"publisher.refused\" and .error == \"$1\")) | length" "$T/events"; }

@test "the endpoint lets in, names the stream and refuses" {
  endpoint
  listen --auth-url "$auth"
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "$url/yes-demo"
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.connected '.stream == "demo" and .protocol == "rtmp"'
  head -n 1 "$T/secret/questions" >"$T/secret/question"
  schema_check.py "$T/secret/question"
  assert_json "$T/secret/question" '.action == "publish" and .protocol == "rtmp" and .ip == "127.0.0.1"
    and (.encoder | contains("Lavf")) and .stream == null and .key == "yes-demo"'
  attempt no
  assert_json "$T/no.json" '.outcome == "refused" and (.said | contains("NetStream.Publish.BadName"))'
  assert_equal "$(refusals publish.key)" 1
  # A yes that names no stream, where many may be meant.
  attempt yes || true
  assert_equal "$(refusals publish.unavailable)" 1
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "$url/$CANARY" || true
  refute grep -rqF yes-demo "$T/events" "$T/ingest.err" "$T/ingest.out"
}

@test "an answer that names nothing counts where one stream is meant; local keys need none" {
  endpoint
  key=$(stream-keys new local --store "$T/secret/keys" 2>"$T/new-key.err")
  listen --auth-url "$auth" --key-file "$T/secret/keys" --name demo
  peer publish "$port" yes "$(clip flash_flv)" --until 500 >"$T/yes.json"
  assert_event publisher.connected '.stream == "demo"'
  peer publish "$port" "$key" "$(clip flash_flv)" --until 500 >"$T/local.json"
  assert_event publisher.connected '.stream == "local"'
  assert_equal "$(wc -l <"$T/secret/questions")" 1
  # Asked again at once, it is remembered.
  peer publish "$port" yes "$(clip flash_flv)" --until 500 >"$T/yes.json"
  assert_equal "$(event_count publisher.connected)" 3
  assert_equal "$(wc -l <"$T/secret/questions")" 1
}

@test "I04: nothing is said or taken before the answer, and nobody else waits" {
  endpoint
  listen --auth-url "$auth"
  start live rtmp_peer.py publish "$port" yes-live "$(clip flash_flv)" --realtime
  wait_for 10 has_event "$T/events" track.added
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/live/media.sock" "OPEN:$T/live.nut,creat"
  local begin=$EPOCHREALTIME
  peer publish "$port" slow-no "$(clip flash_flv)" --until 1000 >"$T/slow.json" || true
  assert_json "$T/slow.json" '.outcome == "refused"'
  less 1.9 "$(echo "$EPOCHREALTIME - $begin" | bc)"
  # A publisher beside it needs no more than its own answer.
  start hanging rtmp_peer.py attack refusal "$port" hang
  peer publish "$port" yes-other "$(clip flash_flv)" --until 500 >"$T/other.json"
  assert_equal "$(refusals publish.unavailable)" 0
  wait_exit hanging
  assert_equal "$(refusals publish.unavailable)" 1
  assert_equal "$(event_count publisher.connected)" 2
  wait_exit live
  stop ingest
  wait_exit reader
  less "$(biggest_gap "$T/live.nut" v)" 0.1
}

@test "what is no answer refuses as unavailable, without a status" {
  endpoint
  listen --auth-url "$auth"
  local key
  for key in broken redirect garbage walk; do
    attempt "$key" || true
    refute grep -q 'NetStream.Publish.BadName' "$T/$key.json"
  done
  assert_equal "$(refusals publish.unavailable)" 4
  attempt dribble || true
  assert_equal "$(refusals publish.unavailable)" 5
  assert_equal "$(event_count publisher.connected)" 0
  stop endpoint
  attempt yes-demo || true
  assert_equal "$(refusals publish.unavailable)" 6
  stop ingest
  assert_status 0
}

@test "SRT: the answer within the handshake; a slow one helps the next attempt" {
  endpoint
  port=$(free_port)
  start ingest stream-ingest --listen "srt://127.0.0.1:$port" --events "$T/events" --auth-url "$auth"
  wait_for 10 has_event "$T/events" service.ready
  srt() { ffmpeg -nostdin -v error -re -i "$(clip flash_10s)" -t 2 -c copy -f mpegts "srt://127.0.0.1:$port?streamid=$1"; }
  srt yes-demo
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.connected '.stream == "demo" and .protocol == "srt"'
  refute srt no
  assert_equal "$(refusals publish.key)" 1
  refute srt slow-late
  wait_for 10 srt slow-late
  assert_event publisher.connected '.stream == "late"'
}

@test "a token in the place of a key: its stream, its time, its signature" {
  stream-keys -q vault init --key-file "$T/secret/vault-key"
  export STREAM_VAULT_KEY_FILE="$T/secret/vault-key"
  token=$(stream-keys -q token publish demo --expires 1h)
  viewer=$(stream-keys -q token viewer demo --key publisher-signing)
  other=$(stream-keys -q token publish demo --key somebody-else)
  stream-keys token public-key --key publisher-signing >"$T/public.json"
  listen --token-key "$T/public.json"
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "$url/$token"
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.connected '.stream == "demo"'
  local wrong
  for wrong in "$viewer" "$other" "${token%.*}." "${token%?????}AAAAA" key; do
    attempt_of "$wrong"
  done
  assert_equal "$(refusals publish.key)" 5
  assert_equal "$(event_count publisher.connected)" 1
  jq -rs 'map(select(.event == "publisher.refused") | .reason) | join(" ")' "$T/events" >"$T/reasons"
  grep -q 'not for publishing' "$T/reasons"
  grep -q 'signature' "$T/reasons"
  refute grep -rqF "$token" "$T/events" "$T/ingest.err"
}

attempt_of() {
  peer attack refusal "$port" "$1" >"$T/refused.json"
  assert_json "$T/refused.json" '.outcome == "refused" and (.said | contains("NetStream.Publish.BadName"))'
}

@test "an address that can't be asked is said at once" {
  run stream-ingest --listen rtmp://127.0.0.1:0/live --auth-url http://192.0.2.1/x
  assert_status 2
  assert_output 192.0.2.1 https://
  run stream-ingest --listen rtmp://127.0.0.1:0/live --auth-url "https://192.0.2.1/x?token=$CANARY"
  assert_status 2
  refute_output "$CANARY"
}
