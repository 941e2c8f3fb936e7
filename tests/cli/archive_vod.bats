#!/usr/bin/env bats
# stream-archive vod: HLS of recordings, from this machine and from stores.
# ctest: timeout=240
load ../support/common
load ../support/archive

A="stream-archive"

# The pictures of a file or a playlist, decoded, one hash a line.
pictures() { ffmpeg -nostdin -v error -i "$1" -map 0:v:0 -f framemd5 - | grep -v '^#' | awk '{print $NF}'; }

nothing_left() { [ -z "$(find . -name '.*.vod' -o -name '*.m4s.*')" ] || fail "$(find . -name '.*')"; }

@test "a file becomes VOD: its very pictures, playlists that are whole, nothing else" {
  cp "$(clip flash_10s)" talk.mp4
  run --separate-stderr $A vod talk.mp4 -o hls/talk --json --events "$T/ev.ndjson"
  assert_status 0
  echo "$output" >out.json
  assert_json out.json '.recording == "talk" and (.renditions | length == 1) and .renditions[0].width == 640'
  has_event ev.ndjson vod.ready
  hls_check.py --ended hls/talk/master.m3u8 >report.json
  for list in hls/talk/*/playlist.m3u8; do
    grep -qx '#EXT-X-PLAYLIST-TYPE:VOD' "$list"
    grep -qx '#EXT-X-ENDLIST' "$list"
  done
  pictures talk.mp4 >want
  pictures hls/talk/master.m3u8 >got
  assert_equal "$(wc -l <got)" 300
  cmp want got
  nothing_left
  run $A vod talk.mp4 -o hls/talk
  assert_status 4
  assert_output "exists already"
  # The other packaging; 2 s are cut as the file's keyframes allow.
  $A vod talk.mp4 -o hls/ts --format ts --segment 2s
  pictures hls/ts/master.m3u8 | cmp want -
  assert_equal "$(grep -c '^#EXTINF' hls/ts/source/playlist.m3u8)" 5
}

@test "a recording of two files out of a store, as a ladder, also after a kill" {
  mkdir rec
  cp "$(clip flash_4s)" rec/demo-1.mp4
  cp "$(clip flash_10s)" rec/demo-2.mp4
  manifest demo-1 demo demo-1.mp4 demo-2.mp4
  $A put rec/demo-1.json --to dir:store
  ladder=(--store dir:store -o hls/demo --segment 2s --rung "180p@200k,preset=ultrafast" --rung source)
  start vod $A vod demo/demo-1 "${ladder[@]}"
  begun() { [ -e hls/.demo.vod/out/180p/segment_000002.m4s ]; }
  wait_for 60 begun
  kill -KILL "$(pid vod)"
  wait_exit vod
  [ ! -e hls/demo ]
  run --separate-stderr $A vod demo/demo-1 "${ladder[@]}" --json
  assert_status 0
  echo "$output" >out.json
  assert_json out.json '[.renditions[].uri] == ["source/playlist.m3u8", "180p/playlist.m3u8"]'
  hls_check.py --ended hls/demo/master.m3u8 >report.json
  # Dated by when it was recorded, not by when it was packaged.
  for list in hls/demo/source/playlist.m3u8 hls/demo/180p/playlist.m3u8; do
    assert_equal "$(grep -m1 '^#EXT-X-PROGRAM-DATE-TIME' "$list")" '#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:00.000Z'
  done
  { pictures rec/demo-1.mp4 && pictures rec/demo-2.mp4; } >want
  pictures hls/demo/source/playlist.m3u8 >got
  assert_equal "$(wc -l <got)" 420
  cmp want got
  nothing_left
}

@test "what is not possible is said, and leaves nothing" {
  cp "$(clip flash_4s)" talk.mp4
  run $A vod none.mp4 -o hls/x
  assert_status 1
  assert_output none.mp4
  run $A vod none --store dir:store -o hls/x
  assert_status 1
  assert_output "no recording none"
  run --separate-stderr $A vod talk.mp4 -o hls/x --rung 720q@1M --json
  assert_status 2
  assert_equal "$output" ""
  tail -n 1 <<<"$stderr" >error.json
  assert_json error.json '.error.id == "rung.invalid" and (.error.message | contains("720q"))'
  printf 'rungs: [x\n' >ladder.yaml
  run $A vod talk.mp4 -o hls/x --ladder ladder.yaml
  assert_status 6
  assert_output ladder.yaml
  head -c 100000 /dev/urandom >noise.mp4
  run $A vod noise.mp4 -o hls/x
  [ "$status" -ne 0 ]
  [ ! -e hls/x ]
  nothing_left
  # A stop as well: nothing of it appears, the ladder does not go on.
  cp "$(clip flash_1080p)" long.mp4
  start vod $A vod long.mp4 -o hls/x --rung "1080p@4M,preset=slow"
  begun() { [ -d hls/.x.vod/out/1080p ]; }
  wait_for 20 begun
  stop vod
  [ ! -e hls/x ]
  [ -z "$(pgrep -f "$T/hls/.x.vod" || true)" ]
  nothing_left
}
