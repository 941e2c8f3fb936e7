#!/usr/bin/env bash
# wedding.sh FILE [SECONDS]: runs examples/wedding.yaml, or a copy of it, for so long. The two cameras publish
# over RTMP to rtmp://ADDRESS:1935/live/wedding (main) and .../wedding-b (backup); here ffmpeg is both.
# CAMERAS=rtmp://ADDRESS:PORT/live and PLATFORMS=rtmp://ADDRESS:PORT/live say where else.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
file=${1:?wedding.sh FILE [SECONDS]}
seconds=${2:-30}
cameras=${CAMERAS:-rtmp://127.0.0.1:1935/live}
platforms=${PLATFORMS:-rtmp://127.0.0.1:1936/live}

jobs=()
up=
finish() {
  # The stream first: its recording is finalised while its source is still there.
  if [ -n "$up" ] && kill "$up" 2>/dev/null; then wait "$up" || true; fi
  kill "${jobs[@]}" 2>/dev/null || true
  wait
}
trap finish EXIT

# What stands for the platforms.
stream-ingest -q --listen "$platforms" --open youtube --open facebook --open parish --open family &
jobs+=($!)
# Both cameras into one stream; a text is shown while neither is there.
stream-ingest -q --listen "$cameras" --open wedding --open wedding-b --insecure --name wedding \
  --input main=rtmp --input backup=rtmp:wedding-b --slate "We are back in a moment" &
jobs+=($!)
camera() {
  ffmpeg -nostdin -v error -re -f lavfi -i "testsrc2=s=1280x720:r=30" -f lavfi -i "sine=$2:r=48000" \
    -c:v libx264 -preset ultrafast -b:v 2M -g 60 -pix_fmt yuv420p -c:a aac -f flv "$cameras/$1" &
  jobs+=($!)
}
until stream-ctl status wedding >/dev/null 2>&1; do sleep 0.1; done
camera wedding 440
main=$!
camera wedding-b 880

stream-ctl up "$file" &
up=$!
stream-ctl wait wedding --for live --timeout 30s
sleep "$((seconds / 2))"
kill "$main" # the first camera falls over
sleep "$((seconds - seconds / 2))"
stream-ctl graph wedding
# The end: all is finalised, then the recording goes where it is kept.
kill "$up"
wait "$up" || true
up=
stream-ctl archive wedding
stream-archive list --store dir:out/archive
