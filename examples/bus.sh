#!/usr/bin/env bash
# bus.sh [OUT]: a stream with a name. Any number of programs read bus:NAME while it runs; here the
# recorder, for five seconds.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
out=${1:-out/rec/}

stream-ingest --test-pattern --size 640x360 --name pattern &
ingest=$!
trap 'kill "$ingest"; wait "$ingest"' EXIT
until stream-ctl status pattern >/dev/null 2>&1; do sleep 0.1; done
stream-ctl status pattern --json
stream-record -i bus:pattern -o "$out" --duration 5s
