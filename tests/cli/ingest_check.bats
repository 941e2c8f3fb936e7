# ctest: timeout=180 processors=2
# What is wrong with an input is measured and said, with what helps.
load ../support/common
load ../support/ingest

value() { jq -r ".checks[] | select(.check == \"$1\") | .$2" "$T/report.json"; }
failed() { jq -r '[.checks[] | select(.ok == false) | .check] | join(" ")' "$T/report.json"; }

check() { status=0; stream-ingest check "$1" --seconds 20s --json >"$T/report.json" || status=$?; }

@test "a good clip passes, and its figures are true" {
  check "$(clip flash_10s)"
  assert_equal "$(failed)" ""
  assert_status 0
  assert_json "$T/report.json" '.schema == "stream.input_check/1" and .media_seconds > 9 and .media_seconds < 11'
  less "$(value keyframe_interval value)" 1.02
  less 0.98 "$(value keyframe_interval value)"
  less "$(value frame_rate value)" 0.05
  run stream-ingest check "$(clip flash_10s)"
  assert_status 0
  assert_output "ok    keyframe_interval"
}

@test "faults are found by name: keyframes, silence, black, frozen, a gap, B-frames" {
  ffmpeg -nostdin -v error -f lavfi -i color=black:s=320x180:r=10:d=50 -f lavfi -i anullsrc=d=50 \
    -c:v libx264 -preset ultrafast -g 80 -keyint_min 80 -c:a aac "$T/black.mkv"
  run stream-ingest check "$T/black.mkv" --seconds 50s
  assert_status 1
  assert_output "WRONG keyframe_interval" "WRONG silent" "WRONG black" "WRONG frozen" "turn:" "OBS"
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x180:r=30:d=12 -f lavfi -i sine=440:d=12 \
    -c:v libx264 -preset fast -x264-params b-adapt=0:bframes=6:b-pyramid=0 -g 60 -c:a aac "$T/b.mkv"
  check "$T/b.mkv"
  assert_equal "$(failed)" reordered_pictures
  ffmpeg -nostdin -v error -i "$(clip flash_10s)" -an -vf 'setpts=PTS+gte(T\,5)*2/TB' -fps_mode vfr \
    -c:v libx264 -preset ultrafast -g 30 "$T/gap.mkv"
  check "$T/gap.mkv"
  [[ " $(failed) " == *" gap "* ]]
  less 1.9 "$(value gap value)"
}

@test "what can't be read is no finding" {
  run stream-ingest check "$T/nothing.mp4"
  [ "$status" -ne 0 ]
  assert_output nothing.mp4
  echo nonsense >"$T/x.mp4"
  run stream-ingest check "$T/x.mp4"
  assert_status 12
}

@test "a live stream that goes silent and black is told of, and again when it is well" {
  ffmpeg -nostdin -v error -f lavfi -i color=black:s=320x180:r=10:d=50 -f lavfi -i anullsrc=d=50 \
    -c:v libx264 -preset ultrafast -g 20 -keyint_min 20 -c:a aac "$T/black.flv"
  listen --open demo
  start encoder ffmpeg -nostdin -v error -re -i "$T/black.flv" -c copy -f flv "$url/demo"
  wait_for 30 has_event "$T/events" check.failed
  wait_for 30 grep -q '"check":"black"' "$T/events"
  assert_json <(jq -s 'map(select(.event == "check.failed"))[0]' "$T/events") '.value > .limit and (.knob | length) > 10'
  stream-ctl status demo --json >"$T/status.json"
  assert_json "$T/status.json" '[.. | .failed_checks? | arrays | .[].check] | index("black") != null'
  stop encoder KILL
  publish_good() { rtmp_peer.py publish "$port" demo "$(clip flash_flv)" --realtime >/dev/null; }
  publish_good
  wait_for 10 has_event "$T/events" check.passed
}
