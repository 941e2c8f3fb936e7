# Chromium plays what stream-record makes: the finished file, and the one that kill -9 left.
# ctest: timeout=200 processors=2 lock=browser
load ../support/common
load ../support/browser

plays_well() {
  serve rec
  play "$site$(basename rec/*.mp4)" --seconds 3
  assert_json play.json '.errors == [] and .media_error == null and .stalls == 0'
  assert_json play.json '.played_seconds > 2.5 and .pictures > 3 and .mean_luma > 40'
}

@test "a finished recording" {
  stream-record -i "$(clip flash_10s)" -o rec >/dev/null
  plays_well
}

@test "a recording that was killed" {
  mkfifo pipe
  start source ffmpeg -nostdin -v error -re -i "$(clip flash_10s)" -c copy -f nut -y pipe
  start record bash -c 'exec stream-record -i - -o rec <pipe'
  wait_for 20 bash -c '[ "$(ffprobe -v error -show_entries packet=pts -select_streams v -of csv=p=0 rec/*.mp4 | wc -l)" -gt 150 ]'
  kill -9 "$(pid record)"
  wait_exit record
  plays_well
}
