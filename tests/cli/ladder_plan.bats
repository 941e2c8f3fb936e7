# What stream-ladder says it will make, and what it refuses.
load ../support/common

plan() { run --separate-stderr stream-ladder plan "$@"; }

@test "the plan names the rungs and why others are left out" {
  plan -i "$(clip flash_4s)"
  assert_status 0
  assert_output "rung 360p" "640x360" "left out 720p: larger than the source's 640x360"
}

@test "the plan as JSON" {
  stream-ladder plan --json -i "$(clip flash_720p)" >plan.json
  assert_json plan.json '.schema == "stream.ladder.plan/1"'
  assert_json plan.json '[.rungs[].name] == ["720p", "480p", "360p"]'
  assert_json plan.json '.rungs[1].width == 854 and .rungs[0].bitrate_bps == 2800000'
  assert_json plan.json '.left_out == [{"name": "1080p", "reason": "larger than the source'"'"'s 1280x720"}]'
  assert_json plan.json '.audio.codec == "aac"'
}

@test "a copied top rung, and why not" {
  stream-ladder plan --json --copy-top -i "$(clip flash_4s)" >plan.json
  assert_json plan.json '.rungs[0].copied and .copy_refused == null'
  stream-ladder plan --json --copy-top -i "$(clip gop10_30s)" --rung 180p@2M >plan.json
  assert_json plan.json '(.rungs[0].copied | not) and (.copy_refused | test("keyframes are 10s apart"))'
  stream-ladder plan --json --copy-top -i "$(clip flash_720p)" --rung 720p@300k >plan.json
  assert_json plan.json '.copy_refused | test("more than 1.5 times")'
}

@test "--dry-run prints the plan of the same command, and makes nothing" {
  run --separate-stderr stream-ladder -i "$(clip flash_4s)" -o out/demo --dry-run --json
  assert_status 0
  echo "$output" >dry.json
  stream-ladder plan --json -i "$(clip flash_4s)" >plan.json
  assert_equal "$(jq -S 'del(.dry_run)' dry.json)" "$(jq -S . plan.json)"
  assert_json dry.json .dry_run
  [ ! -e out ]
  touch file
  run --separate-stderr stream-ladder -n -i "$(clip flash_4s)" -o file/demo
  assert_equal "$status" "$(status_of stream-ladder -i "$(clip flash_4s)" -o file/demo)"
  [[ "$stderr" == *file/demo* ]]
}

status_of() {
  local status=0
  "$@" >/dev/null 2>&1 || status=$?
  echo "$status"
}

@test "a ladder from a file" {
  printf 'segment: 1s\nformat: ts\ndvr: all\nrungs:\n  - 360p@700k\n  - {size: 240p, rate: 300k, preset: ultrafast}\n' >l.yaml
  stream-ladder plan --json --ladder l.yaml -i "$(clip flash_4s)" >plan.json
  assert_json plan.json '[.rungs[] | [.name, .bitrate_bps, .preset]] == [["360p", 700000, null], ["240p", 300000, "ultrafast"]]'
  assert_json plan.json '.segment_seconds == 1'
}

@test "a wrong ladder file is told with its line and column" {
  printf 'segment: 2s\nrungs:\n  - {size: 360p, rate: 800k, presset: fast}\n' >l.yaml
  plan --ladder l.yaml -i "$(clip flash_4s)"
  assert_status 6
  output=$stderr assert_output "l.yaml:3:" "presset" "preset"
  printf 'segmnt: 2s\n' >l.yaml
  plan --ladder l.yaml -i "$(clip flash_4s)"
  assert_status 6
  output=$stderr assert_output "l.yaml:1:" "segment"
  printf 'rungs:\n  - 360p@fast\n' >l.yaml
  plan --ladder l.yaml -i "$(clip flash_4s)"
  assert_status 6
  output=$stderr assert_output "l.yaml:2:5" "fast"
}

@test "wrong options name the user's own value and the way on" {
  plan -i "$(clip flash_4s)" --rung 721p@1M
  assert_status 2
  output=$stderr assert_output "721p@1M" "720p@2800k"
  plan -i "$(clip flash_4s)" --rung 720p@1M,encoder=x264
  assert_status 2
  output=$stderr assert_output "x264" "libx264"
  plan -i "$(clip flash_4s)" --rung 360p@1M --rung 360p@2M
  assert_status 2
  plan -i "$(clip flash_4s)" --segment 2
  assert_status 2
  plan -i "$(clip flash_4s)" --dvr 3s
  assert_status 2
  plan -i "$(clip flash_4s)" --encoder libx265x
  assert_status 2
  [ ! -e h ]
}

@test "a preset that the encoder does not have ends the run before anything is written" {
  run --separate-stderr stream-ladder -i "$(clip flash_4s)" -o h --preset verryfast
  assert_status 3
  output=$stderr assert_output "preset"
  [ ! -e h/master.m3u8 ]
}

@test "an unreadable input and a dead bus" {
  run --separate-stderr stream-ladder -i absent.mp4 -o h
  [ "$status" -ne 0 ]
  output=$stderr assert_output "absent.mp4"
  run --separate-stderr stream-ladder -i bus:nobody -o h
  assert_status 7
  output=$stderr assert_output "bus:nobody"
  echo "no media" >junk.mp4
  run --separate-stderr stream-ladder -i junk.mp4 -o h
  [ "$status" -ne 0 ]
  output=$stderr assert_output "junk.mp4"
}

@test "one ladder at a time on an output directory" {
  start one sh -c 'sleep 20 | stream-ladder -i - -o h'
  wait_for 5 test -e h/.lock
  locked() { run stream-ladder -q -i "$(clip flash_4s)" -o h; [ "$status" -eq 15 ]; }
  locked
}
