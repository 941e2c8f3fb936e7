#!/usr/bin/env bats
# stream-archive follow: what a stream makes goes into a store as it is made, once.
# ctest: timeout=180
load ../support/common
load ../support/archive

# ended NAME: a recording of demo that is complete, of 2 MB.
ended() {
  random_file "rec/$1.mp4" 2000000
  manifest "$1" "${2:-demo}" "$1.mp4"
}
has_object() { objects 'keys | join(" ")' | grep -qF "$1"; }
once() { stream-archive follow demo --recordings rec --to s3://test --once --json "$@"; }

@test "recordings go when they have ended, with their rights; others' and unfinished ones stay" {
  start_fake
  mkdir rec
  ended demo-1
  ended other-1 other
  start follow stream-archive follow demo --recordings rec --to s3://test --events ev --private --allow anna --owner otto --hidden
  wait_for 10 has_object _catalog/demo/demo-1.json
  ended demo-2
  sed 's/"ended_at":"2026-11-20T11:00:00.000Z",$/"ended_at":null,/; s/"state":"finished"/"state":"recording"/' rec/demo-2.json |
    sed '3s/.*/"duration_seconds":3600,"size_bytes":1,"lost_seconds":0,"dropped_packets":0,"files":[]}/' >open.json
  sed 's/"recording":"demo-2"/"recording":"demo-3"/; s/"ended_at":"[^"]*"/"ended_at":null/' open.json >rec/demo-3.json
  wait_for 10 has_object _catalog/demo/demo-2.json
  stop follow
  assert_equal "$status" 0
  refute has_object other
  refute has_object demo-3
  stream-archive show demo-1 --store s3://test >entry.json
  assert_json entry.json '.visibility == "private" and .hidden and .allow == ["anna"] and .owner == "otto"'
  # Once more: nothing is due, and the store is not asked.
  : >"$LOG"
  once >again.json
  assert_json again.json '.recordings == [] and .failed == 0'
  assert_equal "$(requests 'true')" 0
  # What was deleted there does not come back; what has changed here does.
  stream-archive delete demo-2 --store s3://test --confirm demo-2
  ended demo-4
  once >next.json
  assert_json next.json '[.recordings[].recording] == ["demo-4"]'
  refute has_object demo-2.mp4
}

@test "a store that fails, and a kill in mid-upload: it goes on and sends nothing twice" {
  start_fake
  mkdir rec
  random_file rec/demo-1.mp4 20000000
  manifest demo-1 demo demo-1.mp4
  faults '[{"method":"PUT","do":"slow:0.5"}]'
  start follow stream-archive follow demo --recordings rec --to s3://test --part-size 5MiB --parallel 1
  sent() { [ "$(requests '.method == "PUT" and (.query | contains("partNumber")) and .status == 200')" -ge "$1" ]; }
  wait_for 20 sent 2
  stop follow KILL
  faults '[{"method":"PUT","seconds":2,"do":"503"}]'
  once --part-size 5MiB >out.json
  assert_json out.json '.recordings[0].recording == "demo-1" and .recordings[0].sent_bytes <= 15000000'
  curl -sf "$(stream-archive presign demo-1 --store s3://test | tail -n 1)" | cmp - rec/demo-1.mp4
}

@test "one presentation after the other is mirrored; a refused store is told and tried again" {
  mkdir rec
  start_fake
  run once --live hls/none
  assert_status 0
  play() {
    ffmpeg -nostdin -v error -stream_loop 1 -i "$(clip flash_4s)" -c copy -f nut -strict experimental - |
      stream-ladder -q -i - -o hls/demo --rung 180p@150k,preset=ultrafast --segment 1s --dvr "$1"
  }
  play all
  start follow stream-archive follow demo --live hls/demo --to dir:store --events ev
  ended_times() { [ "$(grep -c '"event":"mirror.ended"' ev)" -ge "$1" ]; }
  wait_for 20 ended_times 1
  same() { cmp -s hls/demo/master.m3u8 store/demo/master.m3u8 && cmp -s hls/demo/180p/playlist.m3u8 store/demo/180p/playlist.m3u8; }
  same
  play 4s
  wait_for 20 ended_times 2
  same
  hls_check.py --ended --loaded store/demo/master.m3u8 >report.json
  stop follow
  assert_equal "$status" 0
  run stream-archive follow demo --live hls/demo --to dir:store --once --json
  assert_status 0
  run stream-archive follow demo --to dir:store
  assert_status 2
  assert_output "--recordings"
}
