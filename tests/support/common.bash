# Loaded by every bats file: `load ../support/common`. Each test gets a directory of its own ($T), the
# program's directories beneath it, and teardown leaves nothing running. No test waits for a fixed
# time: wait_for polls a condition.
#
#   start NAME COMMAND...     runs it in the background; output in $T/NAME.out and $T/NAME.err
#   stop NAME [SIGNAL]        signals it (TERM) and waits; its exit code in $status
#   wait_exit NAME [SECONDS]  waits for it to end by itself; its exit code in $status
#   wait_for SECONDS COMMAND  polls until the command succeeds
#   free_port                 prints a TCP port that nobody uses
#   clip NAME                 prints the path of a test clip, see clips.sh
#   canary                    a secret: teardown fails if it is in anything that was written under $T,
#                             except in $T/secret/, where key files belong

bats_require_minimum_version 1.5.0

SUPPORT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
ROOT="$(cd "$SUPPORT/../.." && pwd)"
export SUPPORT ROOT
export TOOLS_BIN="${TOOLS_BIN:-$ROOT/build/release/bin}"
export TEST_CLIPS="${TEST_CLIPS:-$ROOT/build/clips}"
export BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-120}"
export PATH="$TOOLS_BIN:$SUPPORT:$PATH"
export CANARY=canary-7d1f60b2c4
# What script(1) runs commands by; where it is unset that is sh, which drops exported functions.
export SHELL=/bin/bash
unset STREAM_RUNTIME_DIR RUNTIME_DIRECTORY STREAM_STATE_DIR STREAM_CONFIG_DIR NOTIFY_SOCKET NO_COLOR

setup() { stream_setup; }
teardown() { stream_teardown; }

stream_setup() {
  T="$BATS_TEST_TMPDIR"
  export T TEST_ID="$T" HOME="$T/home"
  export STREAM_RUNTIME_DIR="$T/run" STREAM_STATE_DIR="$T/state" STREAM_CONFIG_DIR="$T/config"
  mkdir -p "$HOME" "$T/secret"
  cd "$T" || return 1
}

# Processes of this test: children inherit TEST_ID, however deep they are. nginx writes over its
# environment: what `start` began and still is our child belongs to them as well.
stream_pids() {
  local file
  for file in "$T"/*.pid; do
    if grep -qx "PPid:[[:space:]]*$$" "/proc/$(cat "$file" 2>/dev/null)/status" 2>/dev/null && ! process_gone "$(cat "$file")"; then
      cat "$file"
    fi
  done
  for file in /proc/[0-9]*/environ; do
    if grep -qzFx "TEST_ID=$T" "$file" 2>/dev/null; then
      file=${file#/proc/}
      [ "${file%/environ}" = "$BASHPID" ] || echo "${file%/environ}"
    fi
  done
}

none_running() { [ -z "$(stream_pids)" ]; }

stream_teardown() {
  local pids result=0
  mapfile -t pids < <(stream_pids)
  if [ ${#pids[@]} -gt 0 ]; then
    kill -TERM "${pids[@]}" 2>/dev/null || true
    kill -CONT "${pids[@]}" 2>/dev/null || true
    if ! wait_for 6 none_running; then
      echo "still running 6 s after SIGTERM:" >&2
      ps -o pid,stat,args -p "$(stream_pids | paste -sd,)" >&2 || true
      stream_pids | xargs -r kill -KILL 2>/dev/null || true
      result=1
    fi
  fi
  if grep -rlE 'AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|terminate called|: Assertion .* failed' \
    --include='*.err' --include='*.out' "$T" >"$T/.bad" 2>/dev/null; then
    echo "a program broke:" >&2
    xargs -r tail -n 40 <"$T/.bad" >&2
    result=1
  fi
  if grep -rlaF --exclude-dir=secret "$CANARY" "$T" >"$T/.leak" 2>/dev/null; then
    echo "the secret was written to: $(tr '\n' ' ' <"$T/.leak")" >&2
    result=1
  fi
  if [ -z "${BATS_TEST_COMPLETED:-}" ] || [ "$result" != 0 ]; then
    for file in "$T"/*.err; do
      if [ -s "$file" ]; then
        echo "--- ${file##*/}" >&2
        tail -n 20 "$file" >&2
      fi
    done
  fi
  return "$result"
}

start() {
  local name=$1
  shift
  # A shell starts background commands with SIGINT ignored; ours must see it.
  env --default-signal=INT,QUIT "$@" >"$T/$name.out" 2>"$T/$name.err" 3>&- 4>&- </dev/null &
  echo $! >"$T/$name.pid"
}

pid() { cat "$T/$1.pid"; }

running() { kill -0 "$(pid "$1")" 2>/dev/null; }

wait_exit() {
  local name=$1 seconds=${2:-20}
  if ! wait_for "$seconds" process_gone "$(pid "$name")"; then
    echo "$name still runs after $seconds s" >&2
    return 1
  fi
  status=0
  wait "$(pid "$name")" || status=$?
}

# A child that ended stays a zombie until it is waited for.
process_gone() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
  [ -z "$state" ] || [ "$state" = Z ]
}

stop() {
  kill -"${2:-TERM}" "$(pid "$1")" 2>/dev/null || true
  wait_exit "$1" 10
}

wait_for() {
  local deadline=$(($(date +%s%N) + ${1%.*} * 1000000000))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$(date +%s%N)" -ge "$deadline" ]; then
      echo "in vain: $*" >&2
      return 1
    fi
    sleep 0.05
  done
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port_open() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

clip() { "$SUPPORT/clips.sh" "$1"; }

canary() { echo "$CANARY"; }

# `! COMMAND` alone never fails a test: bats runs with errexit, which it is an exception to.
refute() {
  ! "$@" || fail "should have failed: $*"
}

fail() {
  echo "$*" >&2
  return 1
}

# After bats' `run`: the exit code, and words that its output must or must not hold.
assert_status() {
  [ "$status" -eq "$1" ] || fail "exit code $status, not $1. Output: ${output:-}"
}

assert_output() {
  local word
  for word in "$@"; do
    [[ "$output" == *"$word"* ]] || fail "no \"$word\" in: $output" || return 1
  done
}

refute_output() {
  local word
  for word in "$@"; do
    [[ "$output" != *"$word"* ]] || fail "\"$word\" is in: $output" || return 1
  done
}

assert_equal() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\" ${3:-}"; }

# assert_json FILE FILTER: the jq filter gives neither false nor null.
assert_json() {
  jq -e "$2" "$1" >/dev/null || fail "$2 does not hold in: $(head -c 2000 "$1")"
}

has_event() { grep -qs "\"event\":\"$2\"" "$1"; }

# slow_disk: makes $T/slow.so of slow_disk.c, to be preloaded.
slow_disk() {
  command -v cc >/dev/null || skip "needs a C compiler for the slow disk"
  cc -shared -fPIC -o "$T/slow.so" "$SUPPORT/slow_disk.c"
}
