#!/usr/bin/env bash
# memorial.sh [FILE]: the services of a memorial by examples/memorial.yaml, or a copy of it: each is opened some
# time before it starts, is live while the celebrant's encoder sends, and ends by the clock; its recording is
# ready then. PUBLISH=SECONDS makes a publisher of that length for each, to try it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../build/release/bin:$PATH
file=${1:-$here/memorial.yaml}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

sed -e "s|output: out|output: $PWD/out|" "$file" >"$made/memorial.yaml"
stream-ctl schedule "$made/memorial.yaml"
stream-ctl up "$made/memorial.yaml" &
up=$!
if [ -n "${PUBLISH:-}" ]; then
  url=$(sed -n 's/.*listen: "\([^"]*\)".*/\1/p' "$file")
  for _ in $(stream-ctl schedule "$made/memorial.yaml" --no-header --fields title | sed 's/ .*//'); do
    stream-ctl wait memorial --for ready --timeout 60s
    ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=r=48000 -t "$PUBLISH" \
      -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac -f flv "$url/memorial"
    while stream-ctl wait memorial --for ready --timeout 100ms 2>/dev/null; do sleep 0.2; done
  done
fi
wait "$up"
stream-ctl list
