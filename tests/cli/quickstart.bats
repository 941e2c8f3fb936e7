# examples/quickstart.sh as a user runs it.
# ctest: timeout=400 processors=2
load ../support/common

@test "quickstart runs the main job for 10 s, checks it and stops cleanly" {
  run "$ROOT/examples/quickstart.sh" --seconds 10 --out "$T/q"
  assert_status 0
  assert_output "http://127.0.0.1:" "rendition 720p" "rendition 480p" "rendition 360p" "recording " "All of it was checked."
  run flash_beep.py --max-ms 20 --min-pairs 8 "$(find "$T/q/rec" -name '*.mp4')"
  assert_status 0
}

@test "quickstart publishes a file of the user and ends with it; a second run in the same place works" {
  for _ in first second; do
    run "$ROOT/examples/quickstart.sh" --input "$(clip flash_4s)" --out "$T/q"
    assert_status 0
    assert_output "rendition 360p" "All of it was checked."
  done
}

@test "Ctrl-C stops the quickstart cleanly, with its report" {
  start quickstart "$ROOT/examples/quickstart.sh" --out "$T/q"
  wait_for 60 grep -q "Ctrl-C stops it" "$T/quickstart.out"
  wait_for 10 grep -q "#EXTINF" "$T/q/hls/demo/720p/playlist.m3u8"
  kill -INT "$(pid quickstart)"
  wait_exit quickstart 40
  assert_status 0
  run cat "$T/quickstart.out"
  assert_output "All of it was checked."
}

@test "bad arguments are refused with the user's own words, before anything is installed or built" {
  run "$ROOT/examples/quickstart.sh" --second 5
  assert_status 2
  assert_output '"--second"'
  run "$ROOT/examples/quickstart.sh" --seconds soon
  assert_status 2
  assert_output '"soon"'
  run "$ROOT/examples/quickstart.sh" --input "$T/none.mp4"
  assert_status 2
  assert_output "none.mp4"
  mkdir -p "$T/mine/rec"
  run "$ROOT/examples/quickstart.sh" --out "$T/mine"
  assert_status 2
}
