# ctest: timeout=200 processors=2
# One SRT connection over several links: srtla_send.py bonds two ways to stream-ingest, each spoilt by a
# stream-fault of its own.
load ../support/common
load ../support/ingest
load ../support/srt

# bond PLAN PLAN ARGUMENT...: stream-ingest with the arguments, a relay for each link, and the sender between
# them and an SRT caller, which is to call $url.
bond() {
  local one=$1 two=$2
  shift 2
  port=$(free_udp_port)
  start ingest stream-ingest --listen "srtla://127.0.0.1:$port?latency=1s" --events "$T/events" --open demo --hold 0s "$@"
  wait_for 10 has_event "$T/events" service.ready
  spoil first "$one"
  local first=$spoiled
  spoil second "$two"
  local caller
  caller=$(free_udp_port)
  start sender srtla_send.py "$caller" "127.0.0.1:$first" "127.0.0.1:$spoiled"
  wait_for 10 grep -q ready "$T/sender.out"
  url=srt://127.0.0.1:$caller
}

carried() {
  stop sender
  tail -n 1 "$T/sender.out" >"$T/links.json"
  assert_json "$T/links.json" "$1"
}

@test "two links of different delay, both lossy: each carries a part, no picture is lost" {
  # Encoders close without waiting for their last packets: the end is not lossy.
  bond 'delay=20ms jitter=5ms loss=2%; 4s: delay=20ms' 'delay=60ms jitter=10ms loss=2%; 4s: delay=60ms' -o "$T/out.nut"
  publish demo "$(ts_clip)"
  wait_exit ingest
  assert_equal "$status" 0
  same_pictures "$(ts_clip)" "$T/out.nut"
  order_is_good "$T/out.nut"
  assert_event publisher.connected '.protocol == "srtla" and (.address | startswith("127.0.0.1:"))'
  assert_event publisher.health '.dropped_packets == 0 and .latency_seconds == 1'
  carried '[.links[].sent] | min > 100'
}

@test "a link is cut in mid-stream, comes back, then the other is cut: no picture is lost" {
  bond 'delay=20ms; 3s: cut; 6s: delay=20ms' 'delay=30ms; 8s: cut' -o "$T/out.nut"
  publish demo "$(clip flash_ts)"
  wait_exit ingest
  same_pictures "$(clip flash_ts)" "$T/out.nut"
  assert_event publisher.health '.dropped_packets == 0 and .retransmitted_packets > 0'
  assert_equal "$(event_count publisher.connected)" 1
  carried '[.links[].acknowledged] | min > 100'
}

@test "who is behind the links is asked for the key, like any publisher; endpoints tell where to send" {
  bond clean clean
  run timeout 10 ffmpeg -nostdin -v error -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=wrong"
  [ "$status" -ne 0 ]
  assert_event publisher.refused '.address | startswith("127.0.0.1:")'
  stream-ingest endpoints demo --json >"$T/sheet.json"
  schema_check.py "$T/sheet.json"
  assert_json "$T/sheet.json" ".endpoints[0] | .protocol == \"srtla\" and .port == $port and .latency_ms == 1000 and
    .server == \"srtla://127.0.0.1:$port\""
  run stream-ingest endpoints demo
  assert_output BELABOX "$port" '1000 ms'
  run stream-ingest --listen 'srtla://0.0.0.0:5000' --open demo
  assert_status 2
  assert_output passphrase srtla://0.0.0.0:5000
}
