# A stream as stream-ctl up runs it: load after common.
#
#   up [FILE] [OPTION...]  runs FILE (s.yaml) as the background program "up"; events in $T/events
#   count, pid_of, state_of, in_state, life, events  look at it

up() { start up stream-ctl up "${1:-s.yaml}" --events "$T/events" --restart-delay 100ms "${@:2}"; }

# The processes that run PROGRAM for demo here.
count() {
  local pid n=0
  for pid in $(pgrep -f "^stream-$1( |\$)"); do
    grep -qzFx "TEST_ID=$T" "/proc/$pid/environ" 2>/dev/null && n=$((n + 1))
  done
  echo $n
}
pid_of() { stream-ctl status demo ctl --json | jq ".tools[0].programs[] | select(.program == \"stream-$1\") | .pid"; }
state_of() { stream-ctl status demo ctl --json | jq -r ".tools[0].programs[] | select(.program == \"stream-$1\") | .state"; }
in_state() { [ "$(state_of "$1")" = "$2" ]; }
events() { grep -c "\"event\":\"$1\"" "$T/events" || true; }
life() { jq -r .state state/demo/stream.json; }
