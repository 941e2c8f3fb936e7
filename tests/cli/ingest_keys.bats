# ctest: timeout=300
# Who may publish, who takes over, who comes back.
load ../support/common
load ../support/ingest

# new_key NAME: a key in $key, and in the file
new_key() {
  key=$(stream-keys new "$1" --store "$T/secret/keys" 2>"$T/new-key.err")
  [ ${#key} -ge 20 ]
}

@test "a key opens its stream, another does not" {
  new_key demo
  listen --key-file "$T/secret/keys"
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "$url/$key"
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.connected '.stream == "demo"'
  run ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "$url/$CANARY"
  [ "$status" -ne 0 ]
  wait_for 5 has_event "$T/events" publisher.refused
  run grep -rF "$key" "$T/events" "$T/ingest.err" "$T/ingest.out" "$T/new-key.err"
  assert_status 1
  peer attack refusal "$port" wrong-key >"$T/refusal.json"
  assert_json "$T/refusal.json" '.outcome == "refused" and .closed_after < 3 and (.said | contains("NetStream.Publish.BadName"))'
}

@test "a key made while it runs counts at once; a file that others can read is refused" {
  new_key one
  listen --key-file "$T/secret/keys"
  new_key two
  peer publish "$port" "$key" "$(clip flash_flv)" --until 1000 >"$T/peer.json"
  assert_event publisher.connected '.stream == "two"'
  stop ingest
  chmod 644 "$T/secret/keys"
  run stream-ingest --listen "$url" --key-file "$T/secret/keys"
  assert_status 4
  assert_output "$T/secret/keys" "chmod"
  run stream-ingest --listen "$url" --key-file "$T/nothing"
  [ "$status" -ne 0 ]
  assert_output "$T/nothing"
}

@test "I01: the same key takes over, a wrong one disturbs nobody; readers stay" {
  new_key demo
  listen --key-file "$T/secret/keys"
  start first rtmp_peer.py publish "$port" "$key" "$(clip flash_flv)" --realtime --end hang
  wait_for 10 has_event "$T/events" track.added
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  wait_for 10 test -s "$T/out.nut"
  peer attack refusal "$port" wrong >"$T/wrong.json"
  running first
  peer publish "$port" "$key" "$(clip flash_flv)" --realtime --until 3000 >"$T/second.json"
  assert_json "$T/second.json" '.outcome == "sent"'
  wait_exit first
  wait_exit reader
  assert_equal "$(event_count publisher.connected)" 2
  assert_event publisher.connected '.session == 2 and .replaces == 1'
  assert_equal "$(event_count reader.connected)" 1
  order_is_good "$T/out.nut" 2
  decodes "$T/out.nut"
}

@test "I02: a half-open connection does not keep its owner out" {
  new_key demo
  listen --key-file "$T/secret/keys"
  start first rtmp_peer.py publish "$port" "$key" "$(clip flash_flv)" --realtime --source 127.0.0.2 --end hang
  wait_for 10 has_event "$T/events" track.added
  kill -STOP "$(pid first)"
  local begin=$EPOCHREALTIME
  peer publish "$port" "$key" "$(clip flash_flv)" --until 1000 --source 127.0.0.3 >"$T/second.json"
  less "$(echo "$EPOCHREALTIME - $begin" | bc)" 3
  assert_json "$T/second.json" '.outcome == "sent"'
  kill -KILL "$(pid first)"
}

@test "I03: --on-conflict refuse: a clear status and a prompt close" {
  new_key demo
  listen --key-file "$T/secret/keys" --on-conflict refuse
  start first rtmp_peer.py publish "$port" "$key" "$(clip flash_flv)" --realtime --end hang
  wait_for 10 has_event "$T/events" track.added
  peer attack refusal "$port" "$key" >"$T/secret/refusal.json"
  assert_json "$T/secret/refusal.json" '.outcome == "refused" and .closed_after < 3 and (.said | contains("NetStream.Publish.BadName"))'
  run timeout 20 ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -c copy -f flv "$url/$key"
  [ "$status" -ne 0 ] && [ "$status" -ne 124 ]
  running first
}

@test "a publisher that was lost may return within the hold; readers stay" {
  new_key demo
  listen --key-file "$T/secret/keys" --hold 10s
  peer publish "$port" "$key" "$(clip flash_flv)" --until 2000 --end drop >"$T/first.json"
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  wait_for 10 has_event "$T/events" reader.connected
  peer publish "$port" "$key" "$(clip flash_flv)" --until 2000 >"$T/second.json"
  wait_exit reader
  assert_equal "$(event_count reader.connected)" 1
  order_is_good "$T/out.nut" 2
  decodes "$T/out.nut"
}

@test "and the stream ends when it does not" {
  new_key demo
  listen --key-file "$T/secret/keys" --hold 500ms
  peer publish "$port" "$key" "$(clip flash_flv)" --until 2000 --end drop >"$T/first.json"
  wait_for 5 has_event "$T/events" media.ended
  wait_for 5 test ! -e "$STREAM_RUNTIME_DIR/demo"
}

@test "several streams on one port, each with a bus and a status of its own; one is stopped" {
  new_key one
  local first=$key
  new_key two
  listen --key-file "$T/secret/keys"
  start first rtmp_peer.py publish "$port" "$first" "$(clip flash_flv)" --realtime --end hang
  start second rtmp_peer.py publish "$port" "$key" "$(clip flash_flv)" --realtime --end hang
  wait_for 10 has_events track.added 4
  [ -S "$STREAM_RUNTIME_DIR/one/media.sock" ] && [ -S "$STREAM_RUNTIME_DIR/two/ingest.sock" ]
  stream-ctl stop one
  wait_exit first
  wait_for 5 test ! -e "$STREAM_RUNTIME_DIR/one/media.sock"
  running ingest
  running second
  [ -S "$STREAM_RUNTIME_DIR/two/media.sock" ]
  stop ingest
  assert_equal "$status" 0
  [ -z "$(find "$STREAM_RUNTIME_DIR" -type s)" ]
}

@test "wrong keys are answered later and later, the right one is not" {
  new_key demo
  listen --key-file "$T/secret/keys"
  local i begin
  for i in $(seq 8); do peer attack refusal "$port" "wrong$i" >"$T/wrong.json"; done
  begin=$EPOCHREALTIME
  peer attack refusal "$port" wrong >"$T/wrong.json"
  less 0.9 "$(echo "$EPOCHREALTIME - $begin" | bc)"
  begin=$EPOCHREALTIME
  peer publish "$port" "$key" "$(clip flash_flv)" --until 500 >"$T/peer.json"
  less "$(echo "$EPOCHREALTIME - $begin" | bc)" 1.5
}
