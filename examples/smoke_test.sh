#!/usr/bin/env bash
# smoke_test.sh [SECONDS]: what a CI job runs to see that a machine or an image can stream: records a test
# picture by a stream file and checks that what was recorded can be played. Exits with 0 when it can.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
seconds=${1:-5}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export STREAM_RUNTIME_DIR=$dir/run STREAM_STATE_DIR=$dir/state
cat >"$dir/smoke.yaml" <<END
name: smoke
input: {test_pattern: true, size: 320x180, rate: 15, duration: ${seconds}s}
record: {output: recordings}
END
stream-ctl check "$dir/smoke.yaml"
stream-ctl up "$dir/smoke.yaml"
stream-ctl wait smoke --for recording-ready --timeout 10s
file=$(find "$dir/recordings" -name '*.mp4')
ffmpeg -nostdin -v error -xerror -i "$file" -f null -
ffprobe -v error -show_entries format=duration -of csv=p=0 "$file"
