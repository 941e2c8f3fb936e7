# ctest: timeout=300 processors=2
# SRT over a way that loses, delays, reorders, stalls and breaks, as stream-fault makes it.
load ../support/common
load ../support/ingest
load ../support/srt

@test "stream-fault says what it can do, and what is wrong with a plan" {
  run stream-fault --help
  assert_status 0
  assert_output loss= stall cut reorder --seed
  run stream-fault udp 127.0.0.1:0 127.0.0.1:9 'loss=2'
  assert_status 1
  assert_output loss=2
  run stream-fault udp 127.0.0.1:0
  assert_status 2
}

@test "3 % loss, jitter, 5 % reordered, 1 % doubled: all pictures arrive, bit for bit (I17)" {
  QUERY=latency=500ms listen_srt --open demo -o "$T/out.nut"
  spoil relay 'delay=20ms jitter=20ms loss=3% reorder=5% duplicate=1%'
  url=srt://127.0.0.1:$spoiled
  publish demo "$(ts_clip)"
  wait_exit ingest
  same_pictures "$(ts_clip)" "$T/out.nut"
  assert_event publisher.health '.lost_packets > 0 and .retransmitted_packets > 0 and .dropped_packets == 0'
  assert_event publisher.health '.rtt_seconds > 0.03 and .rtt_seconds < 0.3'
  stop relay
  tail -n 1 "$T/relay.out" >"$T/relay.json"
  assert_json "$T/relay.json" '.lost > 5 and .reordered > 5 and .duplicated > 0'
}

@test "a way that stalls for 2 s costs what the latency can't wait for, and goes on" {
  listen_srt --open demo -o "$T/out.nut"
  spoil relay 'clean; 1500ms: stall; 3500ms: clean'
  url=srt://127.0.0.1:$spoiled
  publish demo "$(clip flash_ts)"
  wait_exit ingest
  assert_equal "$(event_count publisher.connected)" 1
  order_is_good "$T/out.nut"
  less 200 "$(packets "$T/out.nut" v)"
  less "$(biggest_gap "$T/out.nut" v)" 3.5
}

@test "a way that is cut: the publisher is gone within 6 s, and its next connection continues the stream" {
  listen_srt --open demo --hold 20s --idle-timeout 20s
  spoil relay 'clean; 2s: cut; 3s: clean'
  url=srt://127.0.0.1:$spoiled
  start encoder ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=demo"
  wait_for 10 has_events track.added 2
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.disconnected '.reason | contains("nothing was heard")'
  stop encoder KILL
  publish demo "$(ts_clip)"
  wait_exit reader
  assert_event publisher.connected '.session == 2'
  order_is_good "$T/out.nut" 1
}

@test "TCP: delayed, slowed, cut; the encoder's next connection takes over" {
  local tcp
  tcp=$(free_port)
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$tcp/live" --open demo --hold 20s --events "$T/events"
  wait_for 10 has_event "$T/events" service.ready
  start relay stream-fault tcp 127.0.0.1:0 "127.0.0.1:$tcp" 'delay=30ms jitter=30ms rate=4M; 2s: cut; 2500ms: clean'
  wait_for 5 grep -q listening "$T/relay.out"
  url=rtmp://$(sed -n 's/^listening on //p' "$T/relay.out")/live/demo
  run timeout 30 ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -c copy -f flv "$url"
  wait_for 5 has_event "$T/events" publisher.disconnected
  again() { timeout 30 ffmpeg -nostdin -v error -re -t 2 -i "$(clip flash_flv)" -c copy -f flv "$url"; }
  wait_for 10 again
  assert_event publisher.connected '.session == 2'
  stop relay
  tail -n 1 "$T/relay.out" >"$T/relay.json"
  assert_json "$T/relay.json" '.cut >= 1 and .connections >= 2'
}

@test "loss and reordering for a while: memory stays (I17)" {
  QUERY=latency=400ms listen_srt --open demo
  spoil relay 'delay=100ms jitter=100ms loss=5% reorder=25%'
  url=srt://127.0.0.1:$spoiled
  start encoder ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=demo"
  wait_for 15 has_events publisher.health 4
  local before
  before=$(rss_kib ingest)
  wait_for 300 has_events publisher.health $((4 + ${LONG_SECONDS:-10}))
  less "$(rss_kib ingest)" $((before + 8192))
  less "$(jq -s 'map(select(.event == "publisher.health")) | .[-1].buffer_seconds' "$T/events")" 1.5
}
