#!/usr/bin/env bats
# The section archive of a stream file: recordings and the live output in a store, whatever happens.
# ctest: timeout=240
load ../support/common
load ../support/archive
load ../support/whole_stream

# stream_file TO [LINE...]
stream_file() {
  printf '%s\n' 'name: demo' 'input: {test_pattern: true, size: 320x180, rate: 10, bit_rate: 100k}' \
    'ladder: {output: hls/demo, rungs: [180p@100k], segment: 1s, dvr: all}' 'record: {output: rec}' \
    'visibility: {public: false, allow: [anna]}' "archive: {to: $1, what: all}" "${@:2}" >s.yaml
}
recordings_there() { [ "$(objects '[keys[] | select(startswith("_catalog/"))] | length')" -ge "$1" ]; }
recorded() { stream-ctl status demo record --json | jq -e '.tools[0].recorded_seconds >= 1' >/dev/null; }
nothing_left() { [ "$(count archive)" = 0 ] && [ "$(count 'ctl archive demo')" = 0 ]; }
# A hook that keeps the events it gets.
hook() { printf '#!/bin/sh\ncat >>%q/told\necho >>%q/told\n' "$T" "$T" >hook.sh && chmod +x hook.sh; }

@test "at the end what was recorded is in the store, and the hooks are told; a slow store holds nothing up" {
  start_fake
  hook
  stream_file s3://test "hooks: {site: {exec: $T/hook.sh, events: [recording.archived, stream.ended]}}"
  up
  wait_for 20 in_state record running
  wait_for 20 in_state archive running
  objects_of() { objects 'keys[]' | grep -q "$1"; }
  wait_for 20 objects_of demo/master.m3u8
  wait_for 20 recorded
  faults '[{"method":"PUT","seconds":3,"do":"slow:10"}]'
  stop up
  assert_status 0
  refute recordings_there 1
  assert_json "$(ls rec/*.json)" .complete
  wait_for 60 recordings_there 1
  wait_for 60 nothing_left
  id=$(basename "$(ls rec/*.json)" .json)
  stream-archive show "$id" --store s3://test >entry.json
  assert_json entry.json '.visibility == "private" and .allow == ["anna"] and .stream == "demo"'
  curl -sf "$(stream-archive presign "$id" --store s3://test | tail -n 1)" | cmp - "rec/$id.mp4"
  for file in hls/demo/master.m3u8 hls/demo/*/playlist.m3u8; do
    curl -sf "$(stream-archive presign --key "demo/${file#hls/demo/}" --store s3://test | tail -n 1)" | cmp - "$file"
  done
  wait_for 10 grep -q recording.archived told
  assert_equal "$(jq -r 'select(.event == "recording.archived").recording' told)" "$id"
  # By hand it returns at once: all is there.
  run --separate-stderr stream-ctl archive demo --json
  assert_status 0
  echo "$output" >archive.json
  schema_check.py archive.json
  assert_json archive.json '.streams[0] | .state == "done" and .recordings == []'
}

@test "everything was killed, and the store is away: archive --all takes it there later" {
  stream_file dir:store
  sed -i 's/, what: all//' s.yaml
  echo 'not a directory' >store
  up
  wait_for 20 in_state record running
  wait_for 20 recorded
  kill -KILL "$(pid_of archive)" "$(pid up)"
  stream-ctl stop demo
  wait_for 10 nothing_left
  run stream-ctl archive --all
  [ "$status" -ne 0 ]
  assert_output demo dir:
  rm store
  run --separate-stderr stream-ctl archive --all --json
  assert_status 0
  echo "$output" >archive.json
  assert_json archive.json '.streams[0] | .state == "done" and (.recordings | length) == 1'
  cmp rec/*.mp4 store/demo/recording/*.mp4
  run --separate-stderr stream-ctl archive --all
  assert_status 0
  assert_equal "$output" ""
}

@test "between sessions recordings go on to the store; the next run takes over what stores" {
  stream_file dir:store
  mkdir rec
  random_file rec/demo-0.mp4 1000
  manifest demo-0 demo demo-0.mp4
  printf 'schedule: {time_zone: UTC, at: "2099-01-01 10:00", duration: 1h}\n' >>s.yaml
  up
  wait_for 20 test -s store/_catalog/demo/demo-0.json
  assert_equal "$(life)" scheduled
  kill -KILL "$(pid up)"
  wait_exit up 5 || true
  assert_equal "$(count archive)" 1
  up
  wait_for 10 in_state archive running
  assert_equal "$(count archive)" 1
  wait_for 10 in_state archive running
  stop up
  assert_status 0
  wait_for 20 nothing_left
}

@test "what can't be is refused with its place" {
  check() {
    run stream-ctl check s.yaml
    assert_status 6
    assert_output "$@"
  }
  stream_file ftp://there
  check s.yaml:6 "no store" s3://
  stream_file dir:store
  sed -i '/^record/d' s.yaml
  check s.yaml:5 "no section record"
  stream_file telegram://@chat
  check s.yaml:6 "a chat can't hold a live output"
  stream_file dir:store
  sed -i 's/what: all/what: most/' s.yaml
  check s.yaml:6 "not one of recordings, live, all"
  stream_file dir:store
  sed -i 's/archive: .*/archive: {what: live}/' s.yaml
  check s.yaml:6 "'to' is missing"
}
