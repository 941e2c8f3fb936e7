#!/usr/bin/env bash
# run.sh [SECONDS] [BUILD]: runs every fuzz target of a build (default 30 s each, build/fuzz), two at a
# time, from its corpus in tests/fuzz/corpus. What it finds stays in BUILD/artifacts. Short runs start from
# one seed, so that a gate does not fail by luck on what a change never touched; SEED=0 draws another. For a long
# search configure with -DCMAKE_BUILD_TYPE=RelWithDebInfo, which is optimised.
set -euo pipefail
seconds=${1:-30}
build=$(realpath "${2:-"$(dirname "$0")/../../build/fuzz"}")
corpus=$(realpath "$(dirname "$0")")/corpus
export seconds build corpus seed=${SEED:-1}
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1

one() {
  local target=$1
  local name=${target##*/fuzz-}
  mkdir -p "$build/corpus/$name" "$build/artifacts"
  local seeds=()
  [ ! -d "$corpus/$name" ] || seeds=("$corpus/$name")
  if "$target" -max_total_time="$seconds" -timeout=10 -seed="$seed" -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$build/artifacts/$name-" "$build/corpus/$name" "${seeds[@]}" \
    >"$build/artifacts/$name.log" 2>&1 </dev/null; then
    echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/artifacts/$name.log") inputs, nothing found"
  else
    echo "fuzz $name: FAILED, see $build/artifacts"
    tail -n 40 "$build/artifacts/$name.log"
    return 1
  fi
}
export -f one

targets=("$build"/bin/fuzz-*)
[ -x "${targets[0]}" ] || {
  echo "no fuzz targets in $build: build the preset fuzz first" >&2
  exit 1
}
printf '%s\0' "${targets[@]}" | xargs -0 -P 2 -I{} bash -c 'one "$1"' one {}
