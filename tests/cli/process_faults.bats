# What happens to a process from outside: signals each millisecond, a pipe that nobody reads, memory that can't be
# had, a disk that refuses. The long forms are STORM=600 (seconds), MEMORY_FAULTS=N and DISK_FAULTS=N (calls that fail in
# turn, of each program; 0: every one of them) with BATS_TEST_TIMEOUT=36000.
# ctest: timeout=300
load ../support/common

# A stream of all programs: one ingest, ladder, recorder, page and a destination each.
stream_file() {
  cat >s.yaml <<END
name: demo
input: {listen: "rtmp://127.0.0.1:$port/live", open: true}
ladder: {output: hls/demo, rungs: 180p@200k}
record: {output: rec}
serve: {listen: "http://127.0.0.1:0", hls: hls}
destinations: {sink: "rtmp://127.0.0.1:1/live/x"}
END
}
# publisher [FILE]
publisher() {
  start publisher ffmpeg -nostdin -v error -re -stream_loop -1 -i "${1:-$(clip flash_flv)}" -c copy -f flv "rtmp://127.0.0.1:$port/live/demo"
}
# whole_stream [COMMAND...]: runs it, by that command.
whole_stream() {
  port=$(free_port)
  stream_file
  start up "$@" stream-ctl up s.yaml --events "$T/events" --restart-delay 100ms
  wait_for 20 port_open "$port"
  publisher
  wait_for 30 has_event events stream.live
  wait_for 30 all_run
}
programs() { stream-ctl status demo ctl --json | jq -c '[.tools[0].programs[] | select(.program | startswith("stream-")) | {program, pid, state}]'; }
all_run() { [ "$(programs | jq 'length == 5 and all(.state == "running")')" = true ]; }
pids() { programs | jq '.[].pid'; }
recorded() { stream-ctl status demo record --json | jq '.tools[0].recorded_seconds'; }
records_past() { [ "$(recorded | jq ". > $1")" = true ]; }

@test "P06: signals each millisecond change nothing, and a storm of SIGTERM ends it whole" {
  whole_stream
  local before all begin
  before=$(pids)
  # shellcheck disable=SC2086
  all="$(pid up) $(tr '\n' ' ' <<<"$before")"
  # shellcheck disable=SC2086
  signal_storm.py "${STORM:-3}" HUP,CHLD,CONT,WINCH,URG,PIPE $all >sent
  [ "$(cat sent)" -gt 1000 ]
  assert_equal "$(pids)" "$before"
  wait_for 5 records_past "$(recorded | jq '. + 1')"
  begin=$(date +%s%N)
  # Copies of one signal within half a second are one; all programs get it at once, as from a terminal.
  # shellcheck disable=SC2086
  signal_storm.py 0.4 TERM $all >>sent
  wait_exit up 6
  assert_status 0
  [ $((($(date +%s%N) - begin) / 1000000)) -lt 5800 ]
  stop publisher
  none_running
  assert_equal "$(find rec -name '*.mp4' | wc -l)" 1
  assert_json "$(ls rec/*.json)" '.complete and .dropped_packets == 0 and .files[0].discontinuities == 0'
  ffmpeg -nostdin -v error -xerror -i rec/*.mp4 -f null -
  hls_check.py --ended --loaded hls/demo/master.m3u8 >report.json
}

# full_pipe COMMAND...: with a standard error that is a full pipe, which nobody reads.
full_pipe() {
  start up python3 -c 'import os, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, bytes(4096))
except BlockingIOError:
    pass
os.set_blocking(writer, True)
os.set_inheritable(reader, True)
os.dup2(writer, 2)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

@test "P02: a standard error that nobody reads holds up neither media nor the end" {
  port=$(free_port)
  stream_file
  full_pipe stream-ctl -vv up s.yaml --events "$T/events"
  wait_for 20 port_open "$port"
  publisher
  wait_for 40 all_run
  wait_for 20 records_past 2
  stop up
  assert_status 0
  stop publisher
  none_running
  assert_json "$(ls rec/*.json)" '.complete and .dropped_packets == 0 and .files[0].discontinuities == 0'
}

@test "T15: another user is answered by no socket" {
  [ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
  # Where he could go if only the modes of files kept him out.
  STREAM_RUNTIME_DIR=$(mktemp -d /tmp/stream-test-XXXXXX)
  start ingest stream-ingest -q --test-pattern --realtime --name demo
  wait_for 10 stream-ctl status demo
  chmod 755 "$STREAM_RUNTIME_DIR" "$STREAM_RUNTIME_DIR/demo"
  chmod 666 "$STREAM_RUNTIME_DIR"/demo/*.sock
  ask() { (echo '{"jsonrpc":"2.0","id":1,"method":"status"}' && sleep 1) | "$@" socat -t 2 - "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/$socket"; }
  other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  for socket in ingest.sock media.sock; do
    ask | grep -qa 'pid\|nut'
    assert_equal "$(ask "${other[@]}" 2>/dev/null | wc -c)" 0
  done
  stop ingest
  rm -rf "$STREAM_RUNTIME_DIR"
}

@test "T11: who has got the number of a dead program is left alone" {
  [ "$(id -u)" = 0 ] && unshare --pid --fork --mount-proc true 2>/dev/null || skip "needs a space of process numbers of its own"
  printf '%s\n' 'name: demo' 'input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}' 'record: {output: rec}' >s.yaml
  cat >inside <<'END'
    source "$SUPPORT/common.bash"
    source "$SUPPORT/whole_stream.bash"
    set -e
    # takes NUMBER: a stranger gets it, in the turn that the kernel would come to.
    takes() {
      wait_for 5 gone "$1"
      echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
      env -i sleep 1000 &
      [ $! = "$1" ]
    }
    gone() { [ ! -e "/proc/$1" ]; }
    runs() { [ "$(stream-ctl status demo ctl --json | jq -r '[.tools[0].programs[] | select(.state == "running")] | length')" = 2 ]; }
    unkilled() { for one in $taken; do [ "$(cat "/proc/$one/comm")" = sleep ] || fail "$one was killed"; done; }
    up
    wait_for 20 runs
    # One that dies while it is watched, then all of them with nobody to see it.
    taken=$(pid_of record)
    kill -KILL "$taken"
    takes "$taken"
    wait_for 20 runs
    unkilled
    last="$(pid up) $(pid_of record) $(pid_of ingest)"
    kill -KILL $last
    wait_exit up 5
    for one in $last; do takes "$one"; done
    taken="$taken $last"
    stream-ctl stop demo || [ $? = 7 ]
    unkilled
    up
    wait_for 20 runs
    for one in $taken; do [ "$one" != "$(pid_of record)" ] && [ "$one" != "$(pid_of ingest)" ]; done
    stream-ctl stop demo
    wait_exit up 5
    unkilled
    echo whole
END
  run unshare --pid --fork --kill-child --mount-proc bash inside
  assert_output whole
  assert_status 0
}

# scarce KIND: the library of scarce_KIND.c.
scarce() {
  command -v cc >/dev/null || skip "needs a C compiler for what fails"
  # It has an allocator of its own, and calls that it watches.
  ! ldd "$TOOLS_BIN/stream-ctl" 2>/dev/null | grep -q 'lib[at]san' || skip "a sanitizer stands in the way"
  cc -O1 -shared -fPIC -o "$T/scarce.so" "$SUPPORT/scarce_$1.c"
}
# short_of TIMES [--ffmpeg|--nss] CHECK COMMAND...
short_of() {
  local times=$1 libraries=()
  shift
  [[ $1 != --* ]] || { libraries=("$1") && shift; }
  scarce.py "${libraries[@]}" --check "$1" "$T/scarce.so" "$times" "${@:2}" >>faults.txt || {
    cat faults.txt >&2
    return 1
  }
}
short_of_memory() { short_of "${MEMORY_FAULTS:-1}" "$@"; }
short_of_disk() { short_of "${DISK_FAULTS:-4}" "$@"; }

@test "C03: a disk that refuses any of the calls ends in words, and what is left plays" {
  scarce disk
  local mp4 error plays hls
  mp4=$(clip flash_4s)
  # Whole by its exit code is whole: all that was to be recorded.
  plays='for f in $(find rec -name "*.mp4" -size +0); do ffprobe -v error "$f" || exit 1; done
    [ "$CODE" != 0 ] || jq -e "(.complete and .state == \"finished\") and ([.files[].duration_seconds] | add >= 3.9)" rec/*.json'
  hls='[ "$CODE" != 0 ] || [ "$(ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 hls/master.m3u8 | head -n 1)" = 120 ]'
  for error in 28 5; do
    export DISK_ERROR=$error
    short_of_disk "$plays" stream-record -q -i "$mp4" -o rec --split 2s
    short_of_disk "$hls" stream-ladder -q -i "$mp4" -o hls --rung 160x90@100k,preset=ultrafast
    short_of_disk '[ "$CODE" != 0 ] || cmp "$(find store -name flash_4s.mp4)" '"$mp4" stream-archive put "$mp4" --to dir:store
  done
  grep -c . faults.txt
}

@test "P07: an allocation that fails ends a program in words, and leaves nothing torn" {
  scarce memory
  local flv mp4
  flv=$(clip flash_flv)
  mp4=$(clip flash_4s)
  printf 'name: demo\ninput: {test_pattern: true}\nrecord: {output: rec}\n' >s.yaml
  head -c 100000 /dev/urandom >f.bin
  plays='for f in rec/*.mp4; do [ ! -s "$f" ] || [ "$CODE" = 12 ] || ffprobe -v error "$f" || exit 1; done; ! ls rec/*.tmp* 2>/dev/null'
  short_of_memory --ffmpeg "$plays" stream-record -q -i "$mp4" -o rec
  # A picture may be missing; what there is must open.
  whole='[ ! -e hls/master.m3u8 ] || ffprobe -v error -show_entries stream=codec_name hls/master.m3u8'
  short_of_memory --ffmpeg "$whole" stream-ladder -q -i "$mp4" -o hls --rung 160x90@100k
  short_of_memory --ffmpeg : stream-ingest -q --pull "$flv" -o out.nut
  short_of_memory : stream-simulcast config show --json
  json='for f in state/*/stream.json; do [ ! -e "$f" ] || jq -e .schema "$f" >/dev/null || exit 1; done'
  short_of_memory "$json" stream-ctl apply "$T/s.yaml"
  short_of_memory "$json" stream-ctl list --json
  short_of_memory '[ ! -e keys ] || stream-keys list --store keys >/dev/null' stream-keys new demo --store keys
  short_of_memory '[ "$CODE" != 0 ] || [ -n "$(find store -name "*.bin")" ]' stream-archive put "$T/f.bin" --to dir:store
  short_of_memory : stream-serve --version --json
  grep -c . faults.txt
}

@test "P07: of a stream only the program that has no memory begins anew" {
  scarce memory
  whole_stream env LD_PRELOAD="$T/scarce.so" SCARCE_IN=stream-record SCARCE_AT="${MEMORY_CALL:-9000}" \
    SCARCE_FAILED="$T/failed"
  local others='[.[] | select(.program != "stream-record") | .pid]' before
  before=$(programs | jq -c "$others")
  wait_for 40 has_event events process.failed
  [ -e failed ]
  wait_for 20 all_run
  assert_equal "$(programs | jq -c "$others")" "$before"
  assert_equal "$(jq -sc '[.[] | select(.event == "process.failed") | [.program, .reason]]' events)" '[["stream-record","exit code 1"]]'
  grep -q "out of memory" up.err
  wait_for 20 records_past 1
  stop up
  assert_status 0
  stop publisher
  for file in rec/*.mp4; do ffmpeg -nostdin -v error -i "$file" -f null -; done
}

@test "P07: a live stream goes on while its destinations and its viewers have no memory" {
  scarce memory
  local sink
  port=$(free_port)
  sink=$(free_port)
  stream_file
  sed -i '/^serve\|^destinations/d' s.yaml
  start sink rtmp_sink.py --port "$sink"
  # WebRTC has no B-frames.
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -c copy -c:v libx264 -preset ultrafast -bf 0 -g 60 plain.flv
  start up stream-ctl up s.yaml --events "$T/events"
  wait_for 20 port_open "$port"
  publisher plain.flv
  wait_for 30 has_event events stream.live
  wait_for 30 records_past 1
  wait_for 30 test -e hls/demo/master.m3u8
  pids >before
  # The others are who they were, and the recorder records.
  cat >goes_on <<'END'
    source "$SUPPORT/common.bash"
    export STREAM_RUNTIME_DIR=$T/run STREAM_STATE_DIR=$T/state
    of() { stream-ctl status demo "$1" --json | jq "$2"; }
    [ "$(of ctl '.tools[0].programs[] | select(.state == "running").pid')" = "$(cat "$T/before")" ] || fail "another program began anew"
    recorded=$(of record '.tools[0].recorded_seconds')
    more() { [ "$(of record ".tools[0].recorded_seconds > $recorded")" = true ]; }
    wait_for 5 more
END
  live=(env "STREAM_RUNTIME_DIR=$T/run")
  # Of its own: a system's authorities are fourteen calls out of fifteen.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out ca.pem -subj /CN=x 2>/dev/null
  export SCARCE_IN=stream-simulcast
  short_of_memory --ffmpeg "source $T/goes_on" "${live[@]}" sent.sh -i bus:demo --name demo \
    --ca-file "$T/ca.pem" --to "sink=rtmp://127.0.0.1:$sink/live/x"
  SCARCE_IN=stream-serve
  short_of_memory --nss "source $T/goes_on" "${live[@]}" served.sh "$T/hls"
  unset SCARCE_IN
  stop up
  assert_status 0
  stop publisher
  assert_json "$(ls rec/*.json)" '.complete and .dropped_packets == 0 and .files[0].discontinuities == 0'
  ffmpeg -nostdin -v error -xerror -i rec/*.mp4 -f null -
  hls_check.py --ended --loaded hls/demo/master.m3u8 >report.json
}
