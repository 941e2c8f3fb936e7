#!/usr/bin/env bash
# run.sh [--within TIME] [PEER...]: tests against real servers that Debian does not have, one file per peer beside this
# one. A peer's first lines say what it is built from:
#   # go: MODULE@VERSION      a main package, built with Go at that version
# The program is kept in ~/.cache/stream-tools/interop and built once per version; --within bounds what building may
# take (10m without it). What was compiled by then is kept by Go, so that the next run goes on from there.
#
# A peer that can't be had (no Go, no network, no time) is skipped with the reason. Exit code 1 when a test failed, 77
# when no peer could be tried.
set -euo pipefail
cd "$(dirname "$0")/../.."

within=10m
if [ "${1:-}" = --within ]; then
  within=${2:?--within needs a time, such as 5m}
  shift 2
fi
if [ $# -gt 0 ]; then
  peers=("$@")
else
  mapfile -t peers < <(cd tests/interop && printf '%s\n' *.bats | sed 's/\.bats$//')
fi

export TOOLS_BIN="${TOOLS_BIN:-$PWD/build/release/bin}"
export TEST_CLIPS="${TEST_CLIPS:-$PWD/build/release/clips}"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stream-tools/interop
mkdir -p "$cache"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# build PEER: its program's path in $program, or why there is none in $why.
build() {
  local source version made result=0
  source=$(sed -n 's/^# go: //p' "tests/interop/$1.bats")
  version=${source##*@}
  program=$cache/$1-$version
  why=
  [ ! -x "$program" ] || return 0
  if ! command -v go >/dev/null; then
    why="Go is not installed"
    return 1
  fi
  echo "building $source, at most $within"
  made=$(mktemp -d "$cache/.$1-XXXXXX")
  # A toolchain that is too old says so instead of fetching another.
  GOTOOLCHAIN=local GOBIN=$made GOFLAGS="-trimpath ${GOFLAGS:-}" CGO_ENABLED=0 \
    timeout --kill-after=5 "$within" nice go install "$source" >"$log" 2>&1 || result=$?
  # Moved when it is whole: two runs may build at once.
  [ "$result" != 0 ] || mv "$made"/* "$program"
  rm -rf "$made"
  case $result in
    0) return 0 ;;
    124 | 137) why="it was not built within $within; the next run goes on from there" ;;
    *) why="go install $source: $(tail -n 1 "$log")" ;;
  esac
  return 1
}

tried=0
failed=0
for peer in "${peers[@]}"; do
  if [ ! -e "tests/interop/$peer.bats" ]; then
    echo "run.sh: no peer \"$peer\"; there are: $(cd tests/interop && echo *.bats)" >&2
    exit 2
  fi
  if ! build "$peer"; then
    echo "skipped $peer: $why"
    continue
  fi
  tried=1
  PEER=$program bats --print-output-on-failure "tests/interop/$peer.bats" </dev/null || failed=1
done
[ "$failed" = 0 ] || exit 1
[ "$tried" = 1 ] || exit 77
