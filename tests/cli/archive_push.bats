#!/usr/bin/env bats
# stream-archive push: a live output of stream-ladder and what becomes of it in stores, good and bad ones.
# ctest: timeout=300 processors=2
load ../support/common
load ../support/archive

RUNGS=(--rung "240p@200k,preset=ultrafast" --rung "180p@150k,preset=ultrafast")

# live NAME SECONDS OPTION...: a ladder at h/demo of the clip in real time.
live() {
  local name=$1 seconds=$2
  shift 2
  mkfifo "$name.pipe"
  ffmpeg -nostdin -v quiet -re -stream_loop -1 -i "$(clip flash_4s)" -t "$seconds" -c copy -f nut -syncpoints timestamped \
    -strict experimental - >"$name.pipe" 2>/dev/null 3>&- &
  env --default-signal=INT stream-ladder -q -i - -o h/demo --events "$name.events" "${RUNGS[@]}" "$@" \
    <"$name.pipe" 2>"$name.err" >"$name.out" 3>&- &
  echo $! >"$name.pid"
}

# What no playlist in the store may ever have done.
none_dangling() { assert_equal "$(curl -sf "$S3/_state" | jq -c .dangling)" "[]"; }

# download PREFIX DIR: what the store shows to everybody who may read.
download() {
  local key
  for key in $(objects "keys[] | select(startswith(\"$1\"))"); do
    mkdir -p "$2/$(dirname "${key#"$1"}")"
    curl -sf "$(stream-archive presign --key "$key" --store s3://test | tail -n 1)" -o "$2/${key#"$1"}"
  done
}

@test "a live window: segments before playlists, types, old ones go, the end, the lag" {
  start_fake
  faults '[{"method":"PUT","do":"slow:0-0.3"}]'
  start push stream-archive push h/demo --to s3://test/pre --events "$T/ev" --json
  wait_for 10 grep -qs service.ready ev
  live one 14 --segment 500ms --dvr 2s
  wait_exit one 90
  wait_exit push 60
  assert_equal "$status" 0
  none_dangling
  download pre/demo/ back
  hls_check.py --ended --loaded back/master.m3u8 >report.json
  for file in h/demo/master.m3u8 h/demo/*/playlist.m3u8; do cmp "$file" "back/${file#h/demo/}"; done
  [ ! -e h/demo/240p/segment_000001.m4s ]
  [ ! -e back/240p/segment_000001.m4s ]
  local key
  for key in $(objects 'keys[] | select(endswith(".m4s"))'); do [ -e "h/${key#pre/}" ] || fail "$key stayed"; done
  assert_equal "$(objects '.["pre/demo/240p/playlist.m3u8"] | ."content-type", ."cache-control"' | paste -sd' ')" \
    "application/vnd.apple.mpegurl public, max-age=3600"
  assert_equal "$(objects '[to_entries[] | select(.key | endswith(".m4s")) | .value | ."content-type", ."cache-control"] | unique | join(" ")')" \
    "public, max-age=31536000, immutable video/iso.segment"
  has_event ev mirror.live
  has_event ev mirror.ended
  schema='.ended and .segment_p50_seconds > 0 and .segment_p95_seconds >= .segment_p50_seconds and .playlist_p95_seconds > 0'
  assert_json push.out "$schema and .removed > 0 and .behind == 0"
}

@test "30 s per PUT and 503s: the live output does not notice, the mirror is whole in the end" {
  start_fake
  faults '[{"method":"PUT","times":5,"do":"slow:30"},{"method":"PUT","seconds":12,"do":"503"}]'
  live one 15 --segment 1s --dvr all
  start push stream-archive push h/demo --to s3://test --events "$T/ev" --retry-for 1s
  wait_for 40 grep -qs mirror.failing ev
  wait_exit one 90
  assert_equal "$status" 0
  hls_check.py --ended --loaded h/demo/master.m3u8 >report.json
  refute grep -q file.failed one.events
  peak=$(awk '/VmHWM/ {print $2}' "/proc/$(pid push)/status")
  [ "$peak" -lt 60000 ] || fail "$peak KiB"
  wait_exit push 90
  assert_equal "$status" 0
  has_event ev mirror.recovered
  none_dangling
  download demo/ back
  diff -r -x .lock h/demo back
}

@test "a slow store gets the newer half of a window; the mirror moves on" {
  start_fake
  faults '[{"method":"PUT","path":".m4s","do":"slow:2"}]'
  live one 14 --segment 500ms --dvr 4s
  start push stream-archive push h/demo --to s3://test --events "$T/ev" --parallel 2 --json
  wait_exit one 90
  faults '[]'
  wait_exit push 60
  assert_equal "$status" 0
  none_dangling
  assert_json push.out '.ended and .skipped > 0'
  download demo/ back
  grep -q ENDLIST back/240p/playlist.m3u8
}

@test "killed and started again it sends nothing twice; what is old in the store goes" {
  start_fake
  live one 6 --segment 500ms --dvr all
  wait_exit one 90
  faults '[{"method":"PUT","do":"slow:0.1"}]'
  start push stream-archive push h/demo --to s3://test --parallel 1
  some() { [ "$(requests '.status == 200 and .method == "PUT"')" -ge 8 ]; }
  wait_for 30 some
  kill -KILL "$(pid push)"
  wait_exit push
  faults '[]'
  stream-archive put "$(clip flash_4s)" --stream demo --to s3://test  # no matter of push
  curl -sf -X PUT "$(stream-archive presign --method PUT --key demo/240p/segment_000099.m4s --store s3://test | tail -n 1)" -d old
  stream-archive push h/demo --to s3://test
  none_dangling
  files=$(find h/demo -name '*.m4s' | wc -l)
  puts=$(requests '.status == 200 and .method == "PUT" and (.path | endswith(".m4s"))')
  [ "$puts" -le $((files + 2)) ] || fail "$puts puts for $files segments"
  mkdir -p back
  download demo/ back
  mv back/recording .
  diff -r -x .lock h/demo back
}

@test "a directory as the store; refusals are told at once" {
  live one 4 --segment 500ms --dvr all
  wait_exit one 90
  stream-archive push h/demo --to dir:store --stream show
  mkdir -p back
  cp -r store/show/. back
  diff -r -x .lock h/demo back
  start_fake
  AWS_SECRET_ACCESS_KEY=wrong run timeout 20 stream-archive push h/demo --to s3://test
  assert_status 11
  run stream-archive push "h/De mo" --to s3://test
  assert_status 2
  # A master playlist that leads out of its directory is not followed.
  printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f"\n../../secret/playlist.m3u8\n' >h/demo/master.m3u8
  start push stream-archive push h/demo --to dir:other
  wait_for 10 grep -q "can't be mirrored" push.err
  stop push
  assert_equal "$status" 0
  [ ! -e other ]
}
