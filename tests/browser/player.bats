# The page of stream-serve in Chromium plays what stream-ladder makes, through each of its three ways.
# ctest: timeout=400 processors=2 lock=browser
load ../support/common
load ../support/browser

# A live ladder of two small rungs below hls/demo, served at $site.
live() {
  start ladder bash -c 'ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=640x360:rate=25 \
    -f lavfi -i sine=frequency=440:sample_rate=48000 -c:v libx264 -preset ultrafast -g 50 -b:v 800k -c:a aac \
    -f nut - | stream-ladder -i - -o hls/demo --rung 360p@600k,preset=ultrafast --rung 180p@200k,preset=ultrafast --dvr 1m'
  serve hls "$@"
  wait_for 30 test -s hls/demo/360p/segment_000002.m4s
}

plays_well() {
  assert_json play.json ".errors == [] and .media_error == null and .engine == \"$1\""
  assert_json play.json '.played_seconds > 8.5 and .stalls == 0'
  assert_json play.json '.pictures > 15 and .mean_luma > 40 and .deviation_luma > 20'
  assert_json play.json '.audio_bytes > 10000 and (.overflow | not) and (.status | startswith("Playing"))'
}

@test "ten seconds of a live ladder through the browser's own HLS" {
  live
  play "${site}demo/?player=native" --seconds 10
  plays_well native
}

@test "ten seconds of a live ladder through the page's own player" {
  live
  play "${site}demo/?player=cmaf" --seconds 10
  plays_well cmaf
}

@test "ten seconds of a live ladder through hls.js, where it is installed" {
  live --player "$ROOT/tests/browser/node_modules/hls.js/dist/hls.min.js"
  play "${site}demo/" --seconds 10
  plays_well hlsjs
}

@test "the pages fit 360 pixels, light and dark, and the list names the stream" {
  live
  play "$site" --width 360 --dark
  assert_json play.json '.errors == [] and (.overflow | not) and (.text | contains("demo")) and (.text | contains("live"))'
  play "${site}demo/" --width 360 --seconds 1
  assert_json play.json '.errors == [] and (.overflow | not)'
}

@test "a stream that ended plays to its end in the page's own player" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=6 -f lavfi -i sine=duration=6 \
    -c:v libx264 -preset ultrafast -g 50 -c:a aac -f nut - |
    stream-ladder -i - -o hls/short --rung 180p@200k,preset=ultrafast --dvr all
  serve hls
  play "${site}short/?player=cmaf" --seconds 8
  assert_json play.json '.errors == [] and (.start_seconds + .played_seconds) > 5.5'
}

@test "viewers see through a ladder that is killed and started again (L01)" {
  start ingest stream-ingest --test-pattern --size 640x360 --name demo
  wait_for 10 stream-ctl status demo
  ladder() { start ladder stream-ladder -i bus:demo -o hls/demo --rung 360p@600k,preset=ultrafast --dvr 1m; }
  ladder
  serve hls
  wait_for 30 test -s hls/demo/360p/segment_000003.m4s
  for engine in cmaf native; do
    rm -f play.json
    node "$ROOT/tests/browser/play.mjs" "${site}demo/?player=$engine" --seconds 15 >play.json 2>play.err 3>&- &
    viewer=$!
    : >served
    wait_for 30 has_segment_request
    kill -KILL "$(pid ladder)"
    wait_exit ladder
    ladder
    wait "$viewer" || fail "$(cat play.err)"
    assert_json play.json ".errors == [] and .media_error == null and .engine == \"$engine\" and .played_seconds > 12 and .pictures > 15"
  done
  grep -q '^#EXT-X-DISCONTINUITY' hls/demo/360p/playlist.m3u8
}

has_segment_request() { [ "$(grep -c 'segment_.*m4s' "$T/served")" -ge 3 ]; }
