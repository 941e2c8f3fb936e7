# The schedule of a stream: what comes, and stream-ctl up and tick that keep it.
load ../support/common

# in_seconds N: that time from now, as a clock of UTC shows it.
in_seconds() { date -u -d "@$(($(date +%s) + $1))" '+%Y-%m-%d %H:%M:%S'; }

# stream_file LINE...: a small stream with these lines as its schedule.
stream_file() {
  {
    echo 'name: demo'
    echo 'input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}'
    echo 'schedule:'
    printf '  %s\n' 'time_zone: UTC' "$@"
  } >s.yaml
}

manifest() { jq -r "$1" state/demo/stream.json; }
life_is() { [ "$(manifest .state)" = "$1" ]; }
supervisor() { stream-ctl status demo ctl --json | jq '.tools[0].pid'; }
# counts N M: so many stream-ctl and stream-ingest run here.
counts() {
  local pid ctl=0 ingest=0
  for pid in $(stream_pids); do
    case $(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | head -n1) in
      stream-ctl) ctl=$((ctl + 1)) ;;
      stream-ingest) ingest=$((ingest + 1)) ;;
    esac
  done
  [ "$ctl $ingest" = "$1 $2" ] || fail "$ctl stream-ctl, $ingest stream-ingest"
}
# What tick would do now.
due() { [ "$(stream-ctl tick --dry-run --json | jq -r '.streams[].action')" = "$1" ]; }

@test "schedule: what comes, each once on the days on which the clocks change" {
  cat >s.yaml <<'END'
name: demo
input: {listen: "rtmp://127.0.0.1/live", open: true}
schedule:
  time_zone: Europe/Berlin
  cron:
    - {when: "30 2 * * SUN", until: "03:30", title: Night}
END
  run stream-ctl schedule s.yaml --from 2027-03-27T00:00:00Z --next 2 --no-header
  assert_status 0
  assert_equal "$(tr -s ' ' <<<"$output")" "2027-03-28T03:00:00+02:00 2027-03-28T03:30:00+02:00 2027-03-28T01:50:00+01:00 Night
2027-04-04T02:30:00+02:00 2027-04-04T03:30:00+02:00 2027-04-04T02:20:00+02:00 Night"
  stream-ctl schedule s.yaml --from 2027-10-30T00:00:00Z --next 1 --json >autumn.json
  schema_check.py autumn.json
  assert_json autumn.json '.sessions == [{start_at: "2027-10-31T00:30:00.000Z", end_at: "2027-10-31T02:30:00.000Z", ready_at: "2027-10-31T00:20:00.000Z", start_local: "2027-10-31T02:30:00+02:00", end_local: "2027-10-31T03:30:00+01:00", title: "Night"}]'
  for verb in show plan check; do
    stream-ctl $verb s.yaml --json >$verb.json
    schema_check.py $verb.json
    assert_json $verb.json '[.. | .next_session? // empty | .title] == ["Night"]'
    run --separate-stderr stream-ctl $verb s.yaml
    output=$stderr assert_output "next session 20" ":30 Europe/Berlin: Night"
  done
  # The normal form is the same schedule.
  stream-ctl show s.yaml >normal.yaml 2>/dev/null
  diff <(stream-ctl schedule s.yaml --json) <(stream-ctl schedule normal.yaml --json)
  run stream-ctl schedule s.yaml --from yesterday
  assert_status 2
  printf 'name: demo\ninput: {test_pattern: true}\n' >without.yaml
  run stream-ctl schedule without.yaml
  assert_status 6
  assert_output "has no schedule"
}

@test "a wrong schedule is told with place and right word" {
  wrong() {
    stream_file "${@:2}"
    run stream-ctl check s.yaml
    assert_status 6
    assert_output "$1"
  }
  wrong "s.yaml:5:9: 'SUM' is no day of the week" 'cron: 0 10 * * SUM' 'duration: 1h'
  assert_output "did you mean SUN?"
  wrong "s.yaml:5:9: '0 0 30 2 *' names a day that never comes" 'cron: 0 0 30 2 *' 'duration: 1h'
  wrong "s.yaml:5:9: '0 10 * *' has 4 fields" 'cron: 0 10 * *' 'duration: 1h'
  wrong "nothing says when the session ends" 'at: 2026-12-06 10:00'
  stream_file 'at: 2026-12-06 10:00' 'duration: 1h'
  sed -i 's/UTC/berlin/' s.yaml
  run stream-ctl check s.yaml
  assert_status 6
  assert_output "s.yaml:4:14: 'berlin' is no time zone" "did you mean Europe/Berlin?"
}

@test "ten years in twenty zones as Python's zoneinfo has them" {
  run schedule_reference.py
  assert_status 0
  assert_output "0 zones wrong"
  [ "${output%% *}" -gt 200000 ]
}

@test "up: sleeps, opens, ends, sleeps, opens, ends" {
  stream_file "at: [$(in_seconds 2), {start: $(in_seconds 6), duration: 2s, title: Second}]" 'duration: 2s' 'ready: 1s'
  start up stream-ctl up s.yaml --events "$T/events"
  wait_exit up 25
  assert_status 0
  none_running
  schema_check.py state/demo/stream.json
  assert_json state/demo/stream.json '[.moves[].to] == ["ready", "live", "ending", "completed", "scheduled", "ready", "live", "ending", "completed"]'
  assert_json state/demo/stream.json '[.sessions[].state] == ["closed", "closed"] and .sessions[1].title == "Second"'
  assert_json state/demo/stream.json '.sessions | all((.opened_at < .start_at) and (.closed_at >= .end_at))'
  run jq -sr '[.[] | select(.event | startswith("session.")) | .event] | join(" ")' events
  assert_equal "$output" "session.opened session.closed session.opened session.closed"
  run stream-ctl up s.yaml
  assert_status 0
  assert_output "all its sessions are over"
}

@test "tick: once, though run thrice; what a signal interrupted goes on, what was stopped does not" {
  stream_file "at: $(in_seconds -60)" 'duration: 10m'
  stream-ctl apply s.yaml
  wait_for 10 due open
  run stream-ctl tick --dry-run --no-header
  assert_output demo open
  counts 0 0
  for n in 1 2 3; do start tick$n stream-ctl tick --json; done
  for n in 1 2 3; do
    wait_exit tick$n 15
    assert_status 0
    schema_check.py tick$n.out
  done
  wait_for 10 life_is live
  counts 1 1
  due running
  kill -TERM "$(supervisor)"
  wait_for 10 none_running
  life_is scheduled
  assert_equal "$(manifest '.sessions[0].state')" open
  stream-ctl tick --json >tick.json
  assert_json tick.json '.streams[0].action == "resume"'
  wait_for 10 life_is live
  stream-ctl stop demo
  wait_for 10 none_running
  assert_json state/demo/stream.json '.state == "completed" and .sessions[0].state == "closed"'
  stream-ctl tick --json >tick.json
  assert_json tick.json '.streams == [{stream: "demo", action: "none", session: null, error: null}]'
  # What was ended by somebody does not come again.
  stream-ctl list --json >list.json
  assert_json list.json '.streams[0] | .state == "completed" and .next_session == null'
  run stream-ctl tick
  assert_status 0
  assert_equal "$output" ""
  none_running
}

@test "tick: what was missed is noted, and what lost its supervisor is ended in time" {
  local first begin
  first="$(in_seconds -5400), {start: $(in_seconds -3000), duration: 3h}"
  # third START DURATION: the session that is not missed is from now on this one.
  third() {
    stream_file "at: [$first, {start: $1, duration: $2}]" 'duration: 5s' 'late: 30m'
    stream-ctl apply s.yaml
  }
  third "$(in_seconds 3600)" 1h
  # The machine was off since yesterday.
  jq --arg at "$(date -u -d yesterday '+%Y-%m-%dT%H:%M:%S.000Z')" '.created_at = $at' state/demo/stream.json >made
  cp made state/demo/stream.json
  stream-ctl tick --json >tick.json
  schema_check.py tick.json
  assert_json tick.json '.streams[0].action == "note"'
  noted() { [ "$(manifest '[.sessions[].state] | join(" ")')" = "missed missed" ]; }
  wait_for 10 noted
  grep -q "was missed: it is later than the schedule allows" state/demo/ctl.log
  begin=$(in_seconds -1)
  third "$begin" 1h
  wait_for 10 due open
  stream-ctl tick
  wait_for 10 life_is live
  kill -KILL "$(supervisor)"
  counts 0 1
  wait_for 10 due resume
  third "$begin" 1s
  wait_for 10 due close
  counts 0 1
  stream-ctl tick
  wait_for 10 none_running
  life_is completed
  assert_equal "$(manifest '.sessions[-1].state')" closed
  schema_check.py state/demo/stream.json
}

@test "start, a changed schedule, and --now" {
  stream_file "at: $(in_seconds 3600)" 'duration: 10m'
  stream-ctl start s.yaml --json >start.json
  schema_check.py start.json
  assert_json start.json '.started and .state == "scheduled" and .next_session.start_at != null'
  stream-ctl list --json >list.json
  schema_check.py list.json
  diff <(jq -S .next_session start.json) <(jq -S '.streams[0].next_session' list.json)
  run stream-ctl list --no-header --fields name,state,next
  assert_equal "$(tr -s ' ' <<<"$output")" "demo running $(jq -r .next_session.start_local start.json)"
  counts 1 0
  stream-ctl status demo ctl --json >status.json
  assert_json status.json '.tools[0] | .session == null and .state == "running" and .next_session.start_at != null and .programs == []'
  # What is due by the changed file begins at once.
  sed -i "s/at: .*/at: $(in_seconds -10)/" s.yaml
  stream-ctl apply s.yaml
  wait_for 10 life_is live
  sed -i "s/at: .*/at: $(in_seconds 3600)/" s.yaml
  stream-ctl apply s.yaml
  wait_for 10 life_is scheduled
  counts 1 0
  stream-ctl stop demo
  wait_for 10 none_running
  life_is scheduled
  stream-ctl start demo --now
  wait_for 10 life_is live
  stream-ctl stop demo
  assert_equal "$(manifest '.sessions | length')" 1
}

# set_clock BY: the wall clock of what runs in the wrong_clock is so far off from now on.
set_clock() { echo "$1" >clock.new && mv clock.new clock; }
wrong_clock() {
  local library
  library=$(dpkg -L libfaketime | grep -m1 'libfaketimeMT.so')
  set_clock +0
  export LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$T/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
  export FAKETIME_DONT_RESET=1
}

reloads() { [ "$(grep -c '"event":"service.reloaded"' events)" -ge "$1" ]; }
# looks: until the supervisor has looked at the clock, as it does in each round; a reload takes it two.
looks() {
  local before
  before=$(grep -c '"event":"service.reloaded"' events || true)
  kill -HUP "$(pid up)"
  wait_for 10 reloads $((before + 1))
}

@test "a clock that is set, by a day on or back, ends no session that is live" {
  stream_file "at: \"$(in_seconds 1)\"" 'duration: 1h'
  (
    wrong_clock
    start up stream-ctl up s.yaml --events "$T/events"
  )
  wait_for 20 life_is live
  set_clock +1d
  wait_for 10 grep -q 'by the clock its session is over' up.err
  seen=$(manifest '.moves | length')
  set_clock -1d
  looks
  set_clock +0
  looks
  life_is live
  assert_equal "$(manifest '.moves | length')" "$seen"
  # A schedule that says so does end it.
  stream_file "at: \"$(in_seconds 3600)\"" 'duration: 1h'
  stream-ctl apply s.yaml
  wait_for 10 life_is scheduled
  stop up
}
