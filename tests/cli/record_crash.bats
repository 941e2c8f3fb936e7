# stream-record: kill -9 at any point, and disks that are full.
# ctest: timeout=240
load ../support/common

# A live source at $1: the clip in real time; how far it is in $2.
live_source() {
  exec ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_4s)" -c copy -flush_packets 1 \
    -stats_period 0.05 -progress "$2" -f nut -y "$1"
}

# recorder N DIR [OPTION...]
recorder() {
  local n=$1 dir=$2
  shift 2
  mkfifo "pipe$n"
  start "source$n" bash -c "$(declare -f live_source clip); live_source '$T/pipe$n' '$T/progress$n'"
  start "record$n" bash -c "exec stream-record -i - -o '$dir' --events 'ev$n' $* <'$T/pipe$n'"
}

published() { sed -n 's/^out_time_us=//p' "progress$1" | grep -v N/A | tail -n 1; }

recorded_us() {
  ffprobe -v error -show_entries packet=pts_time,duration_time -select_streams v -of csv=p=0 "$1" |
    awk -F, '{ end = $1 + $2; if (end > max) max = end } END { printf "%d", max * 1000000 }'
}

plays() {
  local words
  words=$(ffmpeg -nostdin -v error -i "$1" -fps_mode passthrough -enc_time_base -1 -f null - 2>&1) || fail "$1 can't be decoded: $words"
  [ -z "$words" ] || fail "$1: $words"
}

# The long form, eight at a time, each at a point of its own: STREAM_TEST_KILLS=200 BATS_TEST_TIMEOUT=1200.
@test "kill -9 at random points costs a second at most, and the file opens as it is" {
  local total=${STREAM_TEST_KILLS:-8} done_kills=0
  while [ $done_kills -lt "$total" ]; do
    kill_eight
    done_kills=$((done_kills + 8))
    rm -rf rec[1-8] pipe[1-8] ev[1-8] progress[1-8]
  done
}

kill_eight() {
  for n in 1 2 3 4 5 6 7 8; do recorder $n "rec$n"; done
  for n in 1 2 3 4 5 6 7 8; do wait_for 20 has_event "ev$n" file.opened; done
  for n in 1 2 3 4 5 6 7 8; do
    sleep "0.$((RANDOM % 900 + 100))"
    sent=$(published $n)
    kill -9 "$(pid record$n)"
    wait_exit record$n
    kill -9 "$(pid source$n)" 2>/dev/null || true
    file=$(echo rec$n/*.mp4)
    plays "$file"
    kept=$(recorded_us "$file")
    echo "published $sent kept $kept"
    [ $((sent - kept)) -le 1000000 ] || fail "$((sent - kept)) us lost"
    assert_json "${file%.mp4}.json" '.complete == false and .state == "recording" and .files[0].ended_at == null'
    schema_check.py "${file%.mp4}.json"
  done
}

small_disk() {
  [ "$(id -u)" = 0 ] || skip "needs root to mount a small file system"
  mkdir -p "$T/disk"
  mount -t tmpfs -o size=8m none "$T/disk" 2>/dev/null || skip "mounting a tmpfs is not allowed here"
}

teardown() {
  local result=0
  stream_teardown || result=$?
  umount "$T/disk" 2>/dev/null || true
  return $result
}

@test "a full disk: the file is closed playable, reading goes on, recording resumes when there is room" {
  small_disk
  head -c 6200000 /dev/zero >disk/ballast
  recorder 1 disk/rec
  wait_for 40 has_event ev1 recording.stalled
  first=$(jq -r 'select(.event == "file.closed").path' ev1)
  plays "$first"
  [ "$(recorded_us "$first")" -ge 1000000 ]
  # The source is not held up.
  sent=$(published 1)
  wait_for 5 bash -c "$(declare -f published); [ \$(published 1) -gt $((sent + 2000000)) ]"
  [ "$(find disk/rec -name '*.mp4' | wc -l)" -eq 1 ]
  grep -q "media is being lost" record1.err
  rm disk/ballast
  wait_for 5 has_event ev1 recording.resumed
  wait_for 5 bash -c '[ "$(find disk/rec -name "*.mp4" -size +1200k | wc -l)" -eq 2 ]'
  stop record1
  assert_status 13
  schema_check.py record1.out
  assert_json record1.out '.complete == false and .lost_seconds > 1 and (.files | length == 2) and all(.files[]; .complete)'
  for file in disk/rec/*.mp4; do plays "$file"; done
}

@test "--min-free: the file is closed playable before the disk is full, and recording resumes" {
  [ "$(id -u)" = 0 ] || skip "needs root to mount a small file system"
  mkdir -p disk
  mount -t tmpfs -o size=64m none "$T/disk" 2>/dev/null || skip "mounting a tmpfs is not allowed here"
  recorder 1 disk/rec --min-free 20MiB
  wait_for 20 has_event ev1 file.opened
  head -c 44M /dev/zero >disk/ballast
  wait_for 5 has_event ev1 recording.stalled
  jq -e 'select(.event == "recording.stalled").reason | test("20MiB")' ev1
  plays "$(jq -r 'select(.event == "file.closed").path' ev1)"
  rm disk/ballast
  wait_for 5 has_event ev1 recording.resumed
  wait_for 5 bash -c '[ "$(find disk/rec -name "*.mp4" | wc -l)" -eq 2 ]'
  stop record1
  assert_status 13
  assert_json record1.out '.lost_seconds > 0 and all(.files[]; .complete)'
  for file in disk/rec/*.mp4; do plays "$file"; done
}

@test "a disk that is full from the start is said at once" {
  small_disk
  head -c 8000000 /dev/zero >disk/ballast
  run stream-record -i "$(clip flash_4s)" -o disk/rec
  [ "$status" -ne 0 ]
  assert_output "No space left" "disk/rec" "hint:"
  [ -z "$(find disk -name '*.mp4*')" ]
}

@test "a file larger than the disk fills it once, not with a rain of small files" {
  small_disk
  run --separate-stderr stream-record -i "$(clip flash_1080p)" -o disk/rec
  file=$(find disk/rec -name '*.mp4')
  if [ "$status" -ne 0 ]; then
    assert_status 13
    [ "$(wc -l <<<"$file")" -eq 1 ]
  fi
  plays "$file"
}

@test "a disk that takes 5 s to sync holds nobody up" {
  slow_disk
  mkfifo pipe1
  start source1 bash -c "$(declare -f live_source clip); live_source '$T/pipe1' '$T/progress1'"
  start record1 bash -c "LD_PRELOAD='$T/slow.so' SLOW_DISK=5 exec stream-record -i - -o rec --name slow --events ev1 <'$T/pipe1'"
  wait_for 20 has_event ev1 file.opened
  # Over 8 s, in which syncs are always under way, the file follows the source.
  for _ in 1 2 3 4 5 6 7 8; do
    sent=$(published 1)
    sleep 1
    kept=$(recorded_us rec/*.mp4)
    [ $((sent - kept)) -le 1000000 ] || fail "$((sent - kept)) us behind"
  done
  kill -9 "$(pid record1)"
  wait_exit record1
  plays rec/*.mp4
}

@test "a second SIGINT ends it at once, and the file plays" {
  recorder 1 rec
  wait_for 20 has_event ev1 file.opened
  kill -STOP "$(pid record1)"
  kill -INT "$(pid record1)"
  kill -CONT "$(pid record1)"
  wait_exit record1 10
  assert_status 130
  plays rec/*.mp4
}
