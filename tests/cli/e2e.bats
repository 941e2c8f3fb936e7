# The main job end to end, measured by its content: an encoder publishes flashes and beeps over RTMP;
# ladder and recording must show every picture, and sound within 20 ms of its flash.
# ctest: timeout=400 processors=2
load ../support/common

# live_stream: stream-ingest on $port, stream `demo`.
live_stream() {
  port=$(free_port)
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$port/live" --open demo
  wait_for 10 port_open "$port"
}

on_bus() { test -S "$STREAM_RUNTIME_DIR/demo/media.sock"; }

# readers: the ladder and the recorder, on the bus as soon as it is there.
readers() {
  wait_for 15 on_bus
  start record stream-record -i bus:demo -o rec/
  start ladder stream-ladder -i bus:demo -o hls/demo --dvr all "$@"
}

# ended: the publisher is gone; what the readers had is finished.
ended() {
  kill -TERM "$(pid ladder)" "$(pid record)" 2>/dev/null || true
  wait_exit ladder 10
  assert_status 0
  wait_exit record 10
  assert_status 0
  stop ingest
  assert_status 0
  recording=$(find rec -name '*.mp4')
}

# judge MINIMUM_PAIRS: HLS rules, then the offsets of every rendition and of the recording.
judge() {
  local playlist
  run hls_check.py --ended --decode --loaded hls/demo/master.m3u8
  assert_status 0
  local audio
  audio=$(sed -n 's/.*TYPE=AUDIO.*URI="\([^"]*\)".*/\1/p' hls/demo/master.m3u8 | head -n 1)
  while read -r playlist; do
    run flash_beep.py --max-ms 20 --min-pairs "$1" "hls/demo/$playlist" ${audio:+--audio-input "hls/demo/$audio"}
    assert_status 0
    assert_output '"gaps": []'
  done < <(grep -v '^#' hls/demo/master.m3u8)
  run flash_beep.py --max-ms 20 --min-pairs "$1" "$recording"
  assert_status 0
  assert_output '"gaps": []'
}

@test "ffmpeg publishes: every rendition and the recording keep picture and sound together" {
  live_stream
  file=$(clip flash_flv)
  start publisher ffmpeg -nostdin -v error -re -i "$file" -c copy -f flv "rtmp://127.0.0.1:$port/live/demo"
  readers --rung 360p@800k --rung 240p@400k
  wait_exit publisher 30
  assert_status 0
  wait_for 10 grep -q ENDLIST hls/demo/360p/playlist.m3u8
  ended
  judge 8
  # The recorder joined at the newest keyframe: from there on all packets, unchanged.
  run media_compare.py --subset "$file" "$recording"
  assert_status 0
}

@test "GStreamer publishes" {
  live_stream
  # The sink paces: were each branch paced, flvmux would give what comes late the time of the other.
  start publisher gst-launch-1.0 -q flvmux name=mux streamable=true ! \
    rtmp2sink sync=true location="rtmp://127.0.0.1:$port/live/demo" \
    filesrc location="$(clip flash_10s)" ! qtdemux name=d \
    d.video_0 ! queue ! h264parse ! mux. d.audio_0 ! queue ! aacparse ! mux.
  readers --rung 360p@800k
  wait_exit publisher 30
  wait_for 10 grep -q ENDLIST hls/demo/360p/playlist.m3u8
  ended
  judge 8
}

@test "a file through a pipe: every frame arrives in the ladder and in the recording" {
  stream-ingest --pull "$(clip flash_4s)" -o - 2>pull.err | tee stream.nut |
    stream-ladder -i - -o hls/demo --rung 360p@800k --dvr all 2>ladder.err
  run hls_check.py --ended --decode --expect-duration 4 hls/demo/master.m3u8
  assert_status 0
  assert_json <(echo "$output" | head -n 1) '.renditions[] | select(.width > 0) | .frames == 120'
  stream-record -i - -o rec/ <stream.nut 2>record.err
  recording=$(find rec -name '*.mp4')
  run media_compare.py "$(clip flash_4s)" "$recording"
  assert_status 0
  judge 4
}

@test "29.97 frames per second: aligned renditions and no drift" {
  stream-ingest --pull "$(clip ntsc_4s)" -o - 2>pull.err |
    stream-ladder -i - -o hls/demo --rung 360p@800k --rung 240p@300k --dvr all 2>ladder.err
  run hls_check.py --ended --decode --loaded hls/demo/master.m3u8
  assert_status 0
  assert_json <(echo "$output" | head -n 1) '[.renditions[] | select(.width > 0) | .frames == 120] | all'
}
