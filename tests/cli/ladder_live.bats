# A ladder of live media: what is there while it runs, after it was stopped, after it was killed.
# ctest: timeout=400 processors=2
load ../support/common

RUNGS=(--rung "360p@500k,preset=ultrafast" --rung "240p@200k,preset=ultrafast")

# live SECONDS: the clip in real time, again and again, as NUT with marks.
live() {
  ffmpeg -nostdin -v quiet -re -stream_loop -1 -i "$(clip "${CLIP:-flash_4s}")" -t "$1" -c copy -f nut -syncpoints timestamped \
    -strict experimental -
}
start_live() { # NAME SECONDS OPTION...
  local name=$1 seconds=$2
  shift 2
  live "$seconds" 2>/dev/null >"$T/$name.pipe" 3>&- &
  env --default-signal=INT stream-ladder -q -i - -o h --events "$name.events" "$@" \
    <"$T/$name.pipe" 2>"$name.err" >"$name.out" 3>&- &
  echo $! >"$name.pid"
}
has_segment() { [ -s "$(printf 'h/240p/segment_%06d.m4s' "$1")" ] && [ -s "$(printf 'h/audio/segment_%06d.m4s' "$1")" ]; }

@test "SIGTERM finishes every playlist within 5 s" {
  mkfifo one.pipe
  start_live one 60 "${RUNGS[@]}" --dvr all
  wait_for 30 has_segment 2
  stop one TERM
  assert_equal "$status" 0
  hls_check.py --ended --decode h/master.m3u8 >report.json
  assert_json <(tail -n 1 one.events) '.event == "exit" and .code == 0'
  has_event one.events segment.written
}

@test "SIGTERM ends slow encoders in time as well" {
  mkfifo one.pipe
  CLIP=flash_720p start_live one 60 --on-slow wait --dvr all --rung 720p@2800k,preset=medium
  has_pictures() { grep -q service.ready one.events; }
  wait_for 20 has_pictures
  stop one TERM
  assert_equal "$status" 0
  grep -q ENDLIST h/720p/playlist.m3u8
}

@test "after kill -9 the numbers go on, with a discontinuity in every rendition" {
  mkfifo one.pipe two.pipe
  start_live one 60 "${RUNGS[@]}" --dvr all
  wait_for 30 has_segment 2
  kill -9 "$(pid one)"
  wait "$(pid one)" || true
  before=$(grep -c EXTINF h/240p/playlist.m3u8)
  start_live two 60 "${RUNGS[@]}" --dvr all
  wait_for 30 has_segment $((before + 3))
  stop two TERM
  hls_check.py --ended --decode h/master.m3u8 >report.json
  assert_json report.json '[.renditions[].discontinuities] | unique == [1]'
  assert_json report.json '[.renditions[].sequence] | unique == [1]'
  assert_json report.json "[.renditions[].segments] | min > $before"
}

@test "nothing half-written is ever seen, and old segments go at the right time" {
  mkfifo one.pipe
  start_live one 20 "${RUNGS[@]}" --segment 500ms --dvr 2s
  start poll ladder_poll.py h
  wait_exit one 60
  wait_for 10 grep -q ENDLIST h/240p/playlist.m3u8
  wait_exit poll 20
  assert_equal "$status" 0 "$(cat poll.err)"
  assert_json poll.out '.polls > 200 and .torn == 0 and .missing == 0'
  # What stays: the window, what clients may still be reading, and nothing more.
  [ ! -e h/240p/segment_000001.m4s ]
  [ "$(find h/240p -name '*.m4s' | wc -l)" -le 26 ]
  [ -z "$(find h -name '*.tmp' -o -name '*.part')" ]
}

@test "a source that changes its size: new init segments and a discontinuity in all renditions" {
  printf "file '%s'\nfile '%s'\n" "$(clip flash_720p)" "$(clip flash_4s)" >list
  ffmpeg -nostdin -v error -f concat -safe 0 -i list -t 14 -c copy change.ts
  run stream-ladder -q -i change.ts -o h --dvr all "${RUNGS[@]}" --date yesterday
  assert_status 2
  assert_output "'yesterday'" 2026-
  stream-ladder -q -i change.ts -o h --dvr all "${RUNGS[@]}" --date 2020-02-29T23:59:59.500Z
  hls_check.py --ended --decode h/master.m3u8 >report.json
  assert_json report.json '[.renditions[].discontinuities] | unique == [1]'
  # The dates are those of the media, across the change too; sound begins in the middle of a frame.
  for list in h/*p/playlist.m3u8; do
    assert_equal "$(grep -m1 '^#EXT-X-PROGRAM-DATE-TIME' "$list")" '#EXT-X-PROGRAM-DATE-TIME:2020-02-29T23:59:59.500Z'
    assert_equal "$(grep "^#EXT-X-PROGRAM-DATE-TIME" "$list" | grep -vc "2020-0[23]")" 0
  done
  assert_json report.json '[.renditions[] | select(.width > 0) | .frames] | unique == [420]'
}

@test "damaged pictures are dropped, and the renditions stay aligned" {
  ffmpeg -nostdin -v error -i "$(clip flash_10s)" -c copy -bsf:v "noise=drop='eq(mod(n,37),17)'" -f nut lossy.nut
  stream-ladder -q -i lossy.nut -o h --dvr all "${RUNGS[@]}" --segment 1s
  hls_check.py --ended --decode h/master.m3u8 >report.json || true
  assert_json report.json '[.renditions[] | select(.width > 0) | .frames] | (unique | length) == 1'
  assert_json report.json '[.problems[] | select(test("against|decod|hole"))] == []'
}

@test "a copied top rung is the source's own packets, aligned with the others" {
  stream-ladder -q -i "$(clip flash_10s)" -o h --dvr all --copy-top --rung 360p@800k --rung 240p@200k,preset=ultrafast
  hls_check.py --ended --decode h/master.m3u8 >report.json
  ffmpeg -nostdin -v error -i "$(clip flash_10s)" -map 0:v -c copy -f nut source.nut
  media_compare.py source.nut h/360p/playlist.m3u8
}

@test "keyframes each 10 s: the top rung is encoded, and segments stay short" {
  run stream-ladder -i "$(clip gop10_30s)" -o h --dvr all --copy-top --rung 180p@2M,preset=ultrafast
  assert_status 0
  assert_output "not copied" "10s apart"
  hls_check.py --ended h/master.m3u8 >report.json
  assert_json report.json '[.renditions[].target] | unique == [2]'
}

@test "too slow for live media: says so within seconds, sheds, and the rest goes on" {
  mkfifo one.pipe
  CLIP=flash_720p start_live one 14 --on-slow shed --dvr all \
    --rung 720p@2800k,preset=slower --rung 360p@800k,preset=ultrafast
  wait_exit one 60
  assert_equal "$status" 0
  if has_event one.events rung.slow; then
    jq -s -e '[.[] | select(.event == "rung.slow")][0] | .speed < 1 and .delay_seconds < 5' one.events
  else
    skip "this machine encodes 720p with the preset slower in real time"
  fi
  grep -q ENDLIST h/360p/playlist.m3u8
}

@test "a full disk loses segments, says so, and the ladder goes on" {
  unshare -rm true 2>/dev/null || skip "no user namespaces here"
  mkdir h
  # 1.2 MB: less than the segments that have to stay at once.
  run --separate-stderr unshare -rm sh -c "mount -t tmpfs -o size=1200k none h && stream-ladder -i '$(clip flash_10s)' -o h \
    --rung 360p@2M,preset=ultrafast --dvr all --events full.events; code=\$?; cp -r h/360p kept; exit \$code"
  assert_status 13
  output=$stderr assert_output "No space left" "h is not whole"
  has_event full.events file.failed
  grep -q EXT-X-GAP kept/playlist.m3u8
  grep -q ENDLIST kept/playlist.m3u8
}

# A copied rung can only be cut at the source's keyframes. Each part of it is decoded by itself: FFmpeg's
# reader keeps the parameters of the first initialisation.
@test "I13: no keyframe any more: the copied rung is encoded from there on, with one warning" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=30 -t 60 -c:v libx264 -preset ultrafast -bf 2 \
    -g 9999 -sc_threshold 0 -force_key_frames 0,2,4,6 long.mp4
  stream-ladder -i long.mp4 -o h --dvr all --copy-top --rung 180p@2M,preset=ultrafast --rung 120p@300k,preset=ultrafast \
    --events ev 2>err
  jq -es '[.[] | select(.event == "rung.started" and .reason != null)] | length == 1 and
    (.[0] | .rung == "180p" and (.reason | test("no keyframe for 5 s.*keyframe interval to 2s")))' ev
  assert_equal "$(grep -c "no keyframe for 5 s" err)" 1
  hls_check.py --ended h/master.m3u8 >report.json || true
  # What the rung had when it was copied is no longer in CODECS.
  assert_json report.json '[.problems[] | select(test("CODECS") | not)] == []'
  assert_json report.json '[.renditions[].discontinuities] | unique == [1]'
  assert_json report.json '[.renditions[].frames] | unique == [1800]'
  assert_json report.json '[.renditions[].duration] | unique == [60]'
  ffmpeg -nostdin -v error -xerror -i h/120p/playlist.m3u8 -f null -
  awk '/EXT-X-MAP/ { split($0, q, "\""); map = q[2]; print map >("part." ++n) } /^segment/ { print >("part." n) }' h/180p/playlist.m3u8
  for part in part.1 part.2; do
    (cd h/180p && xargs cat <"$T/$part") >$part.mp4
    ffmpeg -nostdin -v error -xerror -i $part.mp4 -f null -
  done
  assert_equal "$(cat part.[12] | sort -u | wc -l)" "$(($(grep -c EXTINF h/180p/playlist.m3u8) + 2))"
}

@test "I13: keyframes a minute apart, live: segments go on and stop is quick" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=30 -t 60 -c:v libx264 -preset ultrafast -g 9999 \
    -sc_threshold 0 -force_key_frames 0,2,4,6 -f nut long.nut
  mkfifo pipe
  start source bash -c "exec >pipe; ffmpeg -nostdin -v quiet -re -i long.nut -c copy -f nut -"
  start ladder bash -c "exec stream-ladder -i - -o h --copy-top --rung 180p@2M,preset=ultrafast --events ev <pipe"
  given_up() { jq -es 'any(.[]; .event == "rung.started" and .reason != null)' ev; }
  wait_for 30 given_up
  count=$(grep -c segment.written ev)
  more_segments() { [ "$(grep -c segment.written ev)" -ge $((count + 2)) ]; }
  wait_for 15 more_segments
  local begin=$SECONDS
  stop ladder
  assert_equal "$status" 0
  [ $((SECONDS - begin)) -le 5 ]
  grep -q ENDLIST h/180p/playlist.m3u8
}
