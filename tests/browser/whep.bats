# The live page of stream-serve in Chromium plays a stream of the bus over WebRTC.
# ctest: timeout=300 processors=2 lock=browser
load ../support/common
load ../support/browser

publish() {
  start ingest stream-ingest --pull "$T/$1" --name demo
  wait_for 10 stream-ctl status demo
}

@test "a live stream with AAC: pictures move, sound is there, two viewers at a time" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25:duration=40 -f lavfi -i sine=duration=40 \
    -c:v libx264 -preset ultrafast -bf 0 -g 50 -c:a aac clip.mp4
  publish clip.mp4
  serve hls --whep --rtc-port 0
  node "$ROOT/tests/browser/play.mjs" "${site}demo/live" --seconds 4 >other.json 2>&1 &
  other=$!
  play "${site}demo/live" --seconds 4 --width 360
  wait "$other"
  for report in play.json other.json; do
    assert_json "$report" '.errors == [] and .media_error == null and .engine == "webrtc" and (.overflow | not)'
    assert_json "$report" '.width == 640 and .height == 360 and .pictures > 8 and .stalls == 0'
    assert_json "$report" '.mean_luma > 40 and .deviation_luma > 20 and .sound_level > 0.01'
    assert_json "$report" '.status | startswith("Playing, 640x360")'
  done
  assert_equal "$(jq -s '[.[] | select(.event == "viewer.connected")] | length' served)" 2
  # Leaving the page tells us.
  wait_for 5 bash -c '[ "$(jq -s "[.[] | select(.event == \"viewer.ended\")] | length" served)" = 2 ]'
}

@test "VP8 with Opus goes through as it is, with the key frame of the past" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=40 -f lavfi -i sine=duration=40 \
    -c:v libvpx -deadline realtime -cpu-used 8 -g 250 -b:v 500k -c:a libopus clip.webm
  publish clip.webm
  serve hls --whep --rtc-port 0
  sleep 1 # into the group of 10 s
  play "${site}demo/live" --seconds 4
  assert_json play.json '.errors == [] and .shown_after_ms < 6000 and .width == 320 and .pictures > 8 and .sound_level > 0.01'
}

@test "a source with B-frames: a viewer watches rungs of its ladder, as large as the network carries" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25:duration=120,noise=alls=12:allf=t -f lavfi -i sine=duration=120 \
    -c:v libx264 -preset ultrafast -bf 2 -b:v 1500k -maxrate 1500k -bufsize 1500k -g 50 -c:a aac clip.mp4
  publish clip.mp4
  start ladder stream-ladder -i bus:demo -o ladder/demo --segment 1s --rung 360p@900k,preset=ultrafast \
    --rung 180p@150k,preset=ultrafast --bus --low-delay
  wait_for 30 test -s ladder/demo/master.m3u8
  # The way is narrow for a while, from eight seconds on.
  port=$(free_port)
  start relay stream-fault udp 127.0.0.1:0 "127.0.0.1:$port" 'delay=10ms; 8s: delay=10ms rate=400k; 24s: delay=10ms'
  wait_for 5 grep -q 'listening on' relay.out
  serve ladder --whep --rtc-port "$port" --rtc-address "$(sed -n 's/listening on //p' relay.out)"
  play "${site}demo/live" --seconds 60
  assert_json play.json '.errors == [] and .media_error == null and .sound_level > 0.01'
  assert_json play.json '.widths[:3] == [640, 320, 640]' "$(jq -c .widths play.json) $(grep viewer.moved served)"
  assert_json <(jq -s '[.[] | select(.event == "viewer.moved")]' served) \
    '.[0].before == "360p" and .[0].rung == "180p" and .[0].channel == "demo" and .[1].rung == "360p"'
}
