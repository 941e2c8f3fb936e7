# Whole streams: stream-ctl up, apply, stop, wait, is-live. The supervisor is killed at random steps
# KILLS times (10); RELOADS=300 reloads four streams each second for five minutes. Their long forms take
# BATS_TEST_TIMEOUT=3600.
# ctest: timeout=300
load ../support/common
load ../support/whole_stream

# stream_file [LINE...]: a small stream that is recorded.
stream_file() {
  {
    echo 'name: demo'
    echo 'input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}'
    echo 'record: {output: rec}'
    printf '%s\n' "$@"
  } >s.yaml
}

exactly_one_of_each() {
  [ "$(count ingest)" = 1 ] && [ "$(count record)" = 1 ]
}

# fake PROGRAM: reads a script for it; stream-ctl runs what is beside it.
fake() {
  mkdir -p bin
  cp "$TOOLS_BIN/stream-ctl" bin/
  ls bin/stream-ingest >/dev/null 2>&1 || ln -sf "$TOOLS_BIN"/stream-ingest bin/
  rm -f "bin/stream-$1"
  cat >"bin/stream-$1"
  chmod +x "bin/stream-$1"
}

@test "a stream from its file: ready, live, recorded, ended in order" {
  stream_file 'title: A try' 'group: tries'
  run stream-ctl is-live demo
  assert_status 1
  start waiting stream-ctl wait demo --for live --timeout 20s
  up
  wait_exit waiting 20
  assert_status 0
  stream-ctl is-live demo
  wait_for 10 in_state record running
  run stream-ctl list --group tries --live --no-header --fields name,state
  assert_output demo
  stream-ctl list --json >list.json
  schema_check.py list.json
  assert_json list.json '.streams[0].lifecycle == "live" and .streams[0].group == "tries"'
  run stream-ctl up s.yaml
  assert_status 15
  begin=$(date +%s%N)
  run stream-ctl stop demo
  assert_status 0
  [ $((($(date +%s%N) - begin) / 1000000)) -lt 5500 ]
  wait_exit up 5
  assert_status 0
  none_running
  schema_check.py state/demo/stream.json
  assert_json state/demo/stream.json '.state == "completed" and [.moves[].to] == ["ready", "live", "ending", "completed"] and .recordings[0].ready'
  assert_json "rec/$(jq -r '.recordings[0].recording' state/demo/stream.json).json" '.complete'
  stream-ctl wait demo --for recording-ready --timeout 1s
  # Readers end before the source does.
  run jq -sr '[.[] | select(.event == "process.exited") | .program] | join(" ")' events
  assert_equal "$output" "stream-record stream-ingest"
  run stream-ctl wait demo --for live --timeout 200ms
  assert_status 124
}

# They go on without it, unlike in the failure that the row tells of: media is not cut for a supervisor.
@test "P03: the supervisor is killed at random steps: exactly one of each, and the recording goes on" {
  stream_file
  RANDOM=${SEED:-4711}
  for ((i = 0; i < ${KILLS:-10}; i++)); do
    up
    sleep "0.$((RANDOM % 7))$((RANDOM % 10))"
    kill -KILL "$(pid up)"
    wait_exit up 5
    [ "$(count ingest)" -le 1 ] || fail "kill $i: $(count ingest) stream-ingest"
    [ "$(count record)" -le 1 ] || fail "kill $i: $(count record) stream-record"
  done
  up
  wait_for 10 in_state record running
  exactly_one_of_each
  schema_check.py state/demo/stream.json
  assert_equal "$(life)" live
  stop up
  assert_status 0
  none_running
  # One start of each, all else were taken over.
  assert_equal "$(jq -s '[.[] | select(.event == "process.started" and .adopted == false and .program == "stream-ingest")] | length' events)" 1
  assert_equal "$(find rec -name '*.mp4' | wc -l)" 1
}

@test "P03: without its supervisor a stream is stopped all the same" {
  stream_file
  up
  wait_for 10 in_state record running
  kill -KILL "$(pid up)"
  wait_exit up 5
  exactly_one_of_each
  run stream-ctl stop demo
  assert_status 0
  none_running
  assert_equal "$(life)" completed
}

@test "an input that others run goes on when the stream is stopped, also without its supervisor" {
  start ingest stream-ingest --test-pattern --size 160x90 --rate 10 --bit-rate 100k --name demo
  printf 'name: demo\ninput: {external: true}\nrecord: {output: rec}\n' >s.yaml
  for how in whole killed; do
    up
    wait_for 20 in_state record running
    if [ $how = killed ]; then
      kill -KILL "$(pid up)"
      wait_exit up 5
    fi
    run stream-ctl stop demo --json
    assert_status 0
    echo "$output" >stop.json
    schema_check.py stop.json
    assert_json stop.json '.others == ["ingest"] and (.tools | index("record"))'
    [ $how = killed ] || wait_exit up 5
    running ingest
    assert_equal "$(count record) $(life)" "0 completed"
  done
  run stream-ctl stop demo
  assert_status 7
  stream-ctl stop demo ingest
  wait_exit ingest 5
}

@test "what changed while nobody watched is put right by the next one" {
  stream_file
  up
  wait_for 10 in_state record running
  kill -KILL "$(pid up)"
  wait_exit up 5
  sed -i '/^record/d' s.yaml
  up
  no_recorder() { [ "$(count record)" = 0 ]; }
  wait_for 10 no_recorder
  assert_equal "$(count ingest)" 1
  stop up
}

@test "apply: only what differs is touched; a wrong file changes nothing" {
  stream_file
  up
  wait_for 10 in_state record running
  before="$(pid_of ingest) $(pid_of record)"
  stream-ctl apply s.yaml 2>said
  grep -q "nothing changed" said
  for i in 1 2 3 4 5; do
    stream_file "destinations: {d$i: \"rtmp://127.0.0.1:1/app/x\"}"
    stream-ctl apply s.yaml
  done
  run stream-ctl diff s.yaml
  assert_status 0
  only_the_last() { [ "$(stream-simulcast list demo --json | jq -c '[.destinations[].name]')" = '["d5"]' ]; }
  wait_for 10 only_the_last
  simulcast=$(pid_of simulcast)
  stream_file "destinations: {d6: \"rtmp://127.0.0.1:1/app/x\", d5: \"rtmp://127.0.0.1:1/app/x\"}"
  run stream-ctl diff s.yaml
  assert_status 1
  assert_equal "$output" "set destination d6"
  kill -HUP "$(pid up)"
  both() { [ "$(stream-simulcast list demo --json | jq -c '[.destinations[].name] | sort')" = '["d5","d6"]' ]; }
  wait_for 10 both
  assert_equal "$(pid_of simulcast)" "$simulcast"
  echo 'recrd: {}' >>s.yaml
  kill -HUP "$(pid up)"
  refused() { jq -se 'any(.event == "service.reloaded" and .ok == false)' events; }
  wait_for 10 refused
  run stream-ctl apply s.yaml
  assert_status 6
  both
  assert_equal "$(pid_of ingest) $(pid_of record)" "$before"
  stop up
  assert_json "$(ls rec/*.json)" '.complete and .dropped_packets == 0 and (.files | length) == 1 and .files[0].discontinuities == 0'
}

@test "T08: reload over and over with four live streams: no recording loses a packet" {
  local name names="one two three four" port
  port=$(free_port)
  for name in $names; do
    stream_file
    sed -i "s/demo/$name/; s/rec}/rec-$name}/" s.yaml
    # One comes over the network.
    [ $name != four ] || sed -i "s|^input:.*|input: {listen: \"rtmp://127.0.0.1:$port/live\", open: true}|" s.yaml
    mv s.yaml "$name.yaml"
    start "$name" stream-ctl up "$name.yaml"
  done
  wait_for 20 port_open "$port"
  start publisher ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_flv)" -c copy -f flv "rtmp://127.0.0.1:$port/live/four"
  for name in $names; do
    wait_for 30 stream-ctl status "$name" record
  done
  pids() { for name in $names; do stream-ctl status "$name" ctl --json | jq -c '[.tools[0].programs[] | select(.program != "stream-simulcast") | .pid]'; done; }
  before=$(pids)
  for ((i = 0; i < ${RELOADS:-6}; i++)); do
    began=$(date +%s%N)
    for name in $names; do
      sed -i '/^title\|^destinations/d' "$name.yaml"
      printf '%s\n' "title: \"$i\"" "destinations: {d$((i % 3)): \"rtmp://127.0.0.1:1/app/x\"}" >>"$name.yaml"
      kill -HUP "$(pid "$name")"
    done
    for name in $names; do
      reloaded() { [ "$(jq -r .title "state/$name/stream.json")" = "$i" ]; }
      wait_for 5 reloaded
    done
    [ -z "${RELOADS:-}" ] || until [ $((($(date +%s%N) - began) / 1000000)) -ge 1000 ]; do sleep 0.02; done
  done
  for name in $names; do
    enough() { [ "$(stream-ctl status "$name" record --json | jq '.tools[0].recorded_seconds > 3')" = true ]; }
    wait_for 10 enough
  done
  assert_equal "$(pids)" "$before"
  for name in $names; do
    stop "$name"
    # The source paces itself by the clock and may leave out a picture of its own on a busy machine; what was
    # sent is all there when the recorder, still the first one, missed no packet and saw no break.
    assert_json "$(ls rec-"$name"/*.json)" '.complete and .dropped_packets == 0 and (.files | length) == 1 and .files[0].discontinuities == 0 and (.sessions | length) == 1'
  done
  stop publisher
  # Each picture of the publisher, one after the other; the clip begins anew with a step of its own. Not the last
  # few: when the end came, some that are shown before the last one were still to come.
  ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 rec-four/*.mp4 | sort -n | head -n -4 |
    awk 'NR > 1 && $1 - last > 0.1 { exit 1 } { last = $1 }'
}

@test "a program that dies is started again, and only that one" {
  stream_file
  up
  wait_for 10 in_state record running
  ingest=$(pid_of ingest)
  kill -KILL "$(pid_of record)"
  again() { [ "$(events process.failed)" = 1 ] && in_state record running; }
  wait_for 10 again
  assert_equal "$(pid_of ingest)" "$ingest"
  run stream-ctl restart demo record
  assert_status 0
  third() { [ "$(jq -s '[.[] | select(.event == "process.started" and .program == "stream-record")] | length' events)" = 3 ] && in_state record running; }
  wait_for 10 third
  run stream-ctl restart demo serve
  assert_status 7
  stop up
}

@test "a crash loop: pauses, given up once, the rest goes on; of the source it ends the stream" {
  fake record <<<$'#!/bin/sh\nexit 1'
  stream_file
  start up bin/stream-ctl up s.yaml --events "$T/events" --restart-delay 100ms --restart-max 4
  wait_for 20 has_event events process.gave_up
  assert_equal "$(events process.failed)" 4
  assert_equal "$(events process.gave_up)" 1
  stream-ctl is-live demo
  assert_equal "$(state_of record)" gave_up
  stop up
  assert_status 0
  rm events
  fake ingest <<<$'#!/bin/sh\nexit 6'
  start up bin/stream-ctl up s.yaml --events "$T/events"
  wait_exit up 10
  assert_status 1
  # That it is wrong in itself is no reason to try again.
  assert_equal "$(events process.failed)" 1
  assert_equal "$(life)" error
  none_running
}

@test "a page that can't be served costs no recording" {
  fake serve <<<$'#!/bin/sh\nexit 1'
  stream_file 'ladder: {output: hls}' "serve: {listen: 'http://127.0.0.1:$(free_port)'}"
  start up bin/stream-ctl up s.yaml --events "$T/events" --restart-delay 1s --restart-max 3
  wait_for 20 in_state record running
  assert_equal "$(events process.gave_up)" 0
  wait_for 20 has_event events process.gave_up
  wait_for 10 stream-ctl is-live demo
  assert_equal "$(state_of serve)" gave_up
  stop up
  assert_status 0
  ffprobe -v error rec/demo-*.mp4
}

@test "a program that ignores SIGTERM is gone within five seconds" {
  fake record <<<$'#!/bin/bash\ntrap "" TERM\nwhile :; do sleep 0.1; done'
  stream_file
  start up bin/stream-ctl up s.yaml --events "$T/events"
  running_one() { [ -n "$(pid_of record)" ] && [ "$(pid_of record)" != null ]; }
  wait_for 10 running_one
  begin=$(date +%s%N)
  stop up
  assert_status 0
  [ $((($(date +%s%N) - begin) / 1000000)) -lt 5800 ]
  assert_equal "$(life)" completed
  wait_for 2 none_running
}

@test "the end of the source completes the stream" {
  stream_file
  sed -i 's/rate: 10/rate: 10, duration: 2s/' s.yaml
  up
  wait_exit up 20
  assert_status 0
  assert_equal "$(life)" completed
  assert_json "$(ls rec/*.json)" '.complete'
}

@test "create, apply, show, delete" {
  stream_file
  run stream-ctl create s.yaml
  assert_status 0
  assert_equal "$(life)" scheduled
  run stream-ctl create s.yaml
  assert_status 2
  assert_output "there is a stream 'demo' already"
  stream-ctl apply s.yaml --json >apply.json
  schema_check.py apply.json
  assert_json apply.json '.changed == false'
  mkdir away
  cd away
  run stream-ctl show demo
  assert_output "output: $T/rec"
  cd ..
  stream-ctl diff s.yaml --json >diff.json
  schema_check.py diff.json
  stream-ctl delete demo --dry-run
  assert_equal "$(life)" scheduled
  up demo
  wait_for 10 stream-ctl is-live demo
  run stream-ctl delete demo
  assert_status 15
  stop up
  stream-ctl delete demo
  [ ! -e state/demo/stream.json ]
  run stream-ctl delete demo
  assert_status 7
  run stream-ctl up demo
  assert_status 7
}

@test "is-live: 1 means no, and nothing else does" {
  touch no-directory
  STREAM_RUNTIME_DIR=$T/no-directory run stream-ctl is-live demo
  assert_status 6
  run stream-ctl is-live ../x
  assert_status 2
  run stream-ctl is-live demo --no-such
  assert_status 2
  stream-ctl is-live demo --json >live.json || true
  schema_check.py live.json
  assert_json live.json '.live == false'
  [ "$(id -u)" = 0 ] || skip "needs root"
  mkdir -p run/demo
  chmod 0700 run
  run setpriv --reuid=65534 --regid=65534 --clear-groups stream-ctl is-live demo
  assert_status 4
}
