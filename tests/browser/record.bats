# Chromium plays what stream-record makes: the finished file, and the one that kill -9 left.
# ctest: timeout=200 processors=2 lock=browser
load ../support/common

setup() {
  stream_setup
  [ -d "$ROOT/tests/browser/node_modules/playwright-core" ] || skip "run tests/support/install_npm.sh"
}

plays() {
  start serve stream-serve --hls rec --listen http://127.0.0.1:0 --events "$T/events"
  wait_for 10 has_event events service.ready
  url=$(jq -r 'select(.event == "listener.started").url' events)
  node "$ROOT/tests/browser/play.mjs" "$url$(basename rec/*.mp4)" --seconds 3 >play.json 2>play.err || fail "$(cat play.err)"
  assert_json play.json '.errors == [] and .media_error == null and .stalls == 0'
  assert_json play.json '.played_seconds > 2.5 and .pictures > 3 and .mean_luma > 40'
}

@test "a finished recording" {
  stream-record -i "$(clip flash_10s)" -o rec >/dev/null
  plays
}

@test "a recording that was killed" {
  mkfifo pipe
  start source ffmpeg -nostdin -v error -re -i "$(clip flash_10s)" -c copy -f nut -y pipe
  start record bash -c 'exec stream-record -i - -o rec <pipe'
  wait_for 20 bash -c '[ "$(ffprobe -v error -show_entries packet=pts -select_streams v -of csv=p=0 rec/*.mp4 | wc -l)" -gt 150 ]'
  kill -9 "$(pid record)"
  wait_exit record
  plays
}
