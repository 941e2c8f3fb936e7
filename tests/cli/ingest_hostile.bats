# ctest: timeout=300 processors=2
# Peers that lie, flood, stall and probe. Beside each of them an honest publisher gets in.
load ../support/common
load ../support/ingest

# attack NAME [KEY]: its account in $T/NAME.json
attack() { peer attack "$1" "$port" "${2-demo}" "${@:3}" >"$T/$1.json"; }

honest_publisher_gets_in() {
  local code=0
  timeout 10 rtmp_peer.py publish "$port" honest "$(clip flash_flv)" --until 1000 >"$T/honest.json" || code=$?
  [ "$code" = 0 ] || fail "an honest publisher: $(cat "$T/honest.json")"
}

@test "R01: announced lengths cost no memory" {
  listen --open demo --open honest
  local before most=0 now
  before=$(rss_kib ingest)
  start attack rtmp_peer.py attack announced-memory "$port"
  while running attack && ! process_gone "$(pid attack)"; do
    now=$(rss_kib ingest)
    [ "$now" -le "$most" ] || most=$now
    sleep 0.2
  done
  [ $((most - before)) -lt 6144 ] || fail "memory grew by $((most - before)) KiB"
  honest_publisher_gets_in
  has_event "$T/events" publisher.refused
}

@test "R03, R05, R06, R09 and what is no RTMP: let go at once, with an event" {
  listen --open demo --open honest --admission-timeout 4s
  local name
  for name in chunk-zero nested-amf lying-amf changed-length garbage; do
    attack "$name"
    assert_json "$T/$name.json" '[.closed_after] | flatten | all(. != null)'
    running ingest
  done
  honest_publisher_gets_in
  [ "$(event_count publisher.refused)" -ge 5 ]
  [ "$(grep -c . "$T/ingest.err")" -lt 60 ]
}

@test "R04: chunks of one byte work, at a bounded cost" {
  listen --open demo -o "$T/out.nut"
  local flv
  flv=$(clip flash_flv)
  peer publish "$port" demo "$flv" --chunk 1 --until 3000 >"$T/peer.json"
  wait_exit ingest
  assert_equal "$(packets "$T/out.nut" v)" 90
}

@test "R12: a chunk size of 128 MiB is taken in good faith" {
  listen --open demo -o "$T/out.nut"
  peer publish "$port" demo "$(clip flash_flv)" --chunk 134217728 >"$T/peer.json"
  wait_exit ingest
  diff <(packet_hashes "$(clip flash_flv)" v) <(packet_hashes "$T/out.nut" v)
}

@test "R15: 600 slow handshakes from 20 addresses with 256 descriptors" {
  port=$(free_port)
  mkfifo "$T/hold"
  exec 8<>"$T/hold"
  (ulimit -n 256 && exec env --default-signal=INT stream-ingest --listen "rtmp://127.0.0.1:$port/live" \
    --open honest --events "$T/events" --admission-timeout 5s) >"$T/ingest.out" 2>"$T/ingest.err" 3>&- &
  echo $! >"$T/ingest.pid"
  wait_for 10 has_event "$T/events" service.ready
  (rtmp_peer.py attack slow-handshakes "$port" <"$T/hold" >"$T/slow.json") 3>&- 8>&- &
  wait_for 30 grep -q open "$T/slow.json"
  local begin=$EPOCHREALTIME ticks
  honest_publisher_gets_in
  less "$(echo "$EPOCHREALTIME - $begin" | bc)" 3
  # It does not spin while it is short of descriptors.
  ticks=$(cpu_ticks ingest)
  wait_for 20 gone_after_admission
  [ $(($(cpu_ticks ingest) - ticks)) -lt 200 ]
  exec 8>&-
  honest_publisher_gets_in
}

# All of the slow ones were dropped.
gone_after_admission() {
  [ "$(find "/proc/$(pid ingest)/fd" -type l 2>/dev/null | wc -l)" -lt 20 ]
}

@test "P05: 200 publishers with 64 descriptors: the rest are served, one warning" {
  port=$(free_port)
  mkfifo "$T/hold"
  exec 8<>"$T/hold"
  local i open=()
  for i in $(seq 200); do open+=(--open "s$i"); done
  (ulimit -n 64 && exec env --default-signal=INT stream-ingest --listen "rtmp://127.0.0.1:$port/live" \
    "${open[@]}" --events "$T/events") >"$T/ingest.out" 2>"$T/ingest.err" 3>&- &
  echo $! >"$T/ingest.pid"
  wait_for 10 has_event "$T/events" service.ready
  (rtmp_peer.py attack crowd "$port" s <"$T/hold" >"$T/crowd.json") 3>&- 8>&- &
  wait_for 100 grep -q started "$T/crowd.json"
  [ "$(head -n 1 "$T/crowd.json" | jq .started)" -ge 8 ]
  [ "$(grep -c 'no new publishers' "$T/ingest.err")" -le 2 ]
  exec 8>&-
  running ingest
  wait_for 30 publishes_again
}
publishes_again() {
  timeout 10 rtmp_peer.py publish "$port" s1 "$(clip flash_flv)" --until 1000 >"$T/honest.json"
}

@test "R16: a publisher without media is dropped and its name is free" {
  listen --open demo --idle-timeout 2s
  attack silent
  assert_json "$T/silent.json" '.outcome == "started" and .closed_after < 5'
  publishes=$(peer publish "$port" demo "$(clip flash_flv)" --until 1000)
  [[ "$publishes" == *'"sent"'* ]]
}

@test "connections from one address are capped while they wait" {
  listen --open honest --max-waiting-per-address 10
  mkfifo "$T/hold"
  exec 8<>"$T/hold"
  (rtmp_peer.py attack slow-handshakes "$port" <"$T/hold" >"$T/slow.json") 3>&- 8>&- &
  wait_for 30 grep -q open "$T/slow.json"
  stream-ctl status honest --json >"$T/status.json"
  assert_json "$T/status.json" '.. | objects | select(has("waiting")) | .waiting <= 200'
  honest_publisher_gets_in
  exec 8>&-
}

@test "a codec that is not taken: the encoder is told which and why (I28)" {
  listen --open demo
  attack codec
  assert_json "$T/codec.json" '.closed_after < 3 and (.said | contains("NetStream.Publish.Rejected") and contains("H.264"))'
  stop ingest
  rm -f "$T/events"
  listen --open demo --codecs hevc --codecs aac
  run ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -c copy -f flv "$url/demo"
  [ "$status" -ne 0 ]
}

@test "the wrong application" {
  listen --open demo
  attack wrong-app
  assert_json "$T/wrong-app.json" '.closed_after < 3 and (.said | contains("InvalidApp"))'
}

@test "T12, T13, T14: names that walk, ring and run" {
  mkdir -p "$T/outside"
  stream-keys new demo --store "$T/secret/keys" >"$T/secret/key" 2>/dev/null
  listen --key-file "$T/secret/keys" --open demo
  local name number=2
  for name in '../../outside/x' '/etc/passwd' '..%2f..%2fx' '$(id)' 'a;id' $'a\nb' $'\e]0;title\a' $'\u202e' \
    CON "$(printf 'x%.0s' {1..4000})" 'demo/../../x' 'DEMO' ''; do
    attack refusal "$name" --source "127.0.0.$((number++))"
    assert_json "$T/refusal.json" '.outcome == "refused" and .closed_after != null'
  done
  mkdir -p "$T/run"
  assert_equal "$(find "$T/outside" "$T/run" -mindepth 1)" ""
  # Nothing of it reaches a terminal raw.
  run grep -P '[\x00-\x08\x0b-\x1f\x7f]' "$T/ingest.err"
  assert_status 1
  run stream-ingest --test-pattern --name '../x'
  assert_status 2
}

@test "P04: descriptors are not inherited by programs that are started" {
  listen --open demo
  start peer rtmp_peer.py publish "$port" demo "$(clip flash_flv)" --end hang --hang 30
  wait_for 10 has_event "$T/events" track.added
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  wait_for 10 has_event "$T/events" reader.connected
  local fd flags
  for fd in "/proc/$(pid ingest)/fdinfo"/*; do
    case $(readlink "${fd/fdinfo/fd}") in
      socket:* | anon_inode:* | "$T"/*) ;;
      *) continue ;; # of the shell that started it
    esac
    [ "${fd##*/}" -gt 2 ] || continue
    flags=$(sed -n 's/^flags:[[:space:]]*//p' "$fd")
    [ $((0$flags & 02000000)) -ne 0 ] || fail "descriptor ${fd##*/} ($(readlink "${fd/fdinfo/fd}")) is inherited"
  done
}
