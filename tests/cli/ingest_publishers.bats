# ctest: timeout=300 processors=2
# Real encoders, files and the pattern through stream-ingest: what comes out is what went in.
load ../support/common
load ../support/ingest

@test "ffmpeg: every packet arrives, bit for bit" {
  listen --open demo -o "$T/out.nut"
  local flv
  flv=$(clip flash_flv)
  ffmpeg -nostdin -v error -i "$flv" -c copy -f flv "$url/demo"
  wait_exit ingest
  assert_equal "$status" 0
  diff <(packet_hashes "$flv" v) <(packet_hashes "$T/out.nut" v)
  diff <(packet_hashes "$flv" a) <(packet_hashes "$T/out.nut" a)
  order_is_good "$T/out.nut"
  decodes "$T/out.nut"
  # The encoder's 1024 samples of priming are in the sound of an FLV; the beeps are steady.
  flash_beep.py "$T/out.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" '.pairs >= 9 and .max_abs_ms <= 20'
}

@test "ffmpeg to standard output, which ends with the stream" {
  port=$(free_port)
  (stream-ingest --listen "rtmp://127.0.0.1:$port/live" --name demo -o - >"$T/out.nut" 2>"$T/ingest.err") 3>&- &
  wait_for 10 port_open "$port"
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "rtmp://127.0.0.1:$port/live/demo"
  wait $!
  assert_equal "$(packets "$T/out.nut" v)" 300
}

@test "GStreamer, rtmp2sink" {
  gst-inspect-1.0 rtmp2sink >/dev/null 2>&1 || skip "no rtmp2sink here"
  listen --open demo -o "$T/out.nut"
  gst-launch-1.0 -q flvmux streamable=true name=mux ! rtmp2sink location="$url/demo" \
    videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency key-int-max=30 ! mux. \
    audiotestsrc num-buffers=130 ! audio/x-raw,rate=44100,channels=2 ! avenc_aac ! mux.
  wait_exit ingest
  assert_equal "$(packets "$T/out.nut" v)" 90
  order_is_good "$T/out.nut"
  decodes "$T/out.nut"
}

@test "librtmp, through GStreamer's rtmpsink" {
  gst-inspect-1.0 rtmpsink >/dev/null 2>&1 || skip "no rtmpsink here"
  listen --open demo -o "$T/out.nut"
  gst-launch-1.0 -q flvmux streamable=true name=mux ! rtmpsink location="$url/demo live=1" \
    videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency key-int-max=30 ! mux. \
    audiotestsrc num-buffers=130 ! audio/x-raw,rate=44100,channels=2 ! avenc_aac ! mux.
  wait_exit ingest
  assert_equal "$(packets "$T/out.nut" v)" 90
  decodes "$T/out.nut"
}

@test "sound only and picture only" {
  local kind
  for kind in video_only audio_only; do
    rm -f "$T/events"
    listen --open demo -o "$T/$kind.nut"
    ffmpeg -nostdin -v error -i "$(clip $kind)" -c copy -f flv "$url/demo"
    wait_exit ingest
    decodes "$T/$kind.nut"
  done
  assert_equal "$(packets "$T/video_only.nut" v)" 120
  assert_equal "$(packets "$T/audio_only.nut" a)" "$(packets "$(clip audio_only)" a)"
}

@test "other containers for other people's tools" {
  local format
  for format in mpegts matroska flv; do
    rm -f "$T/events"
    listen --open demo -o "$T/out.$format" --format "$format"
    ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -f flv "$url/demo"
    wait_exit ingest
    assert_equal "$(packets "$T/out.$format" v)" 300 "$format"
    decodes "$T/out.$format"
  done
}

@test "the bus: readers come and go, the status tells" {
  listen --open demo
  start encoder ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -c copy -f flv "$url/demo"
  wait_for 10 has_event "$T/events" track.added
  start reader1 socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/one.nut,creat"
  start reader2 socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/two.nut,creat"
  wait_for 10 has_events reader.connected 2
  stream-ctl status demo --json >"$T/status.json"
  assert_json "$T/status.json" '[.. | objects | select(has("readers")) | .readers | length] == [2]'
  assert_json "$T/status.json" '.. | objects | select(.codec? == "h264") | .width == 640 and .height == 360'
  assert_json "$T/status.json" '.. | objects | select(.protocol? == "rtmp") | .address | startswith("127.0.0.1:")'
  stop reader2
  wait_exit encoder 20
  wait_exit reader1
  assert_equal "$(stat -c %a "$STREAM_RUNTIME_DIR" | cut -c1)" 7
  [ ! -e "$STREAM_RUNTIME_DIR/demo/media.sock" ]
  decodes "$T/one.nut"
  # From a keyframe on, to the very end.
  diff <(packet_hashes "$(clip flash_flv)" v | tail -n "$(packets "$T/one.nut" v)") <(packet_hashes "$T/one.nut" v)
  stop ingest
  assert_equal "$status" 0
  assert_equal "$(tail -n 1 "$T/events" | jq -r .event)" exit
}

@test "a file, paced and not" {
  local flv
  flv=$(clip flash_flv)
  stream-ingest --pull "$flv" -o - >"$T/out.nut"
  diff <(packet_hashes "$flv" v) <(packet_hashes "$T/out.nut" v)
  order_is_good "$T/out.nut"
  local begin=$EPOCHREALTIME
  stream-ingest --pull "$flv" -o - --realtime --duration 2s >"$T/paced.nut"
  less 1.7 "$(echo "$EPOCHREALTIME - $begin" | bc)"
  less "$(packets "$T/paced.nut" v)" 62
  run stream-ingest --pull "$T/nothing.mp4" -o "$T/x.nut"
  [ "$status" -ne 0 ]
  assert_output nothing.mp4
}

@test "the test pattern: flash and beep at the same instant, whatever the rate" {
  local rate
  for rate in 30 29.97 25; do
    stream-ingest --test-pattern --size 640x360 --rate "$rate" --duration 4s -o - >"$T/pattern.nut"
    decodes "$T/pattern.nut"
    flash_beep.py "$T/pattern.nut" >"$T/offsets.json"
    assert_json "$T/offsets.json" '.pairs == 4 and .max_abs_ms <= 5'
  done
  stream-ingest --test-pattern --duration 2s -o - >"$T/pattern.nut"
  assert_equal "$(packets "$T/pattern.nut" v)" 60
  assert_equal "$(ffprobe -v fatal -select_streams v -show_entries stream=width,height -of csv=p=0 "$T/pattern.nut")" 1280,720
}

@test "the test pattern on the bus is paced by the clock" {
  start ingest stream-ingest --test-pattern --size 320x240 --name demo --events "$T/events"
  wait_for 10 has_event "$T/events" track.added
  timeout 3 socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat" || true
  stop ingest
  assert_equal "$status" 0
  local count
  count=$(packets "$T/out.nut" v)
  [ "$count" -ge 60 ] && [ "$count" -le 160 ]
}

@test "a reader that goes away ends a pipe quietly (P01)" {
  run bash -c 'stream-ingest --test-pattern --size 320x240 -o - 2>pattern.err | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}'
  assert_equal "$output" 141
  run grep -v -e level=info -e 'environment variable' "$T/pattern.err"
  assert_equal "$output" ""
}

@test "stops at once, also when nobody reads the pipe" {
  mkfifo "$T/pipe"
  exec 8<>"$T/pipe"
  start ingest stream-ingest --test-pattern --size 640x360 -o "$T/pipe"
  wait_for 10 test "$(date +%s)" -gt 0
  wait_for 10 running ingest
  stop ingest
  exec 8>&-
}

@test "errors say what to do" {
  run stream-ingest
  assert_status 2
  assert_output --listen --test-pattern
  run stream-ingest --listen http://127.0.0.1:1/live --open demo
  assert_status 2
  assert_output http://127.0.0.1:1/live rtmp://
  run stream-ingest --listen rtmp://0.0.0.0:1935/live --open demo
  assert_status 2
  assert_output 0.0.0.0:1935 --insecure
  run stream-ingest --listen rtmp://127.0.0.1:1935/live
  assert_status 2
  assert_output --key-file
  run stream-ingest --test-pattern
  assert_status 2
  assert_output --name
  local port
  listen --open demo
  run stream-ingest --listen "rtmp://127.0.0.1:$port/live" --open other
  assert_status 15
  assert_output "$port" "stream-ingest" "$(pid ingest)"
}

@test "a name that is live already" {
  start first stream-ingest --test-pattern --size 320x240 --name demo
  wait_for 10 test -S "$STREAM_RUNTIME_DIR/demo/media.sock"
  run stream-ingest --test-pattern --size 320x240 --name demo
  assert_status 15
  assert_output demo
  kill -KILL "$(pid first)"
  # The dead one's sockets are no obstacle.
  start second stream-ingest --test-pattern --size 320x240 --name demo --events "$T/events"
  wait_for 10 has_event "$T/events" service.ready
}
