#!/usr/bin/env bash
# memorial.sh [FILE]: two services of one memorial, by a copy of examples/memorial.yaml each. Each ends when
# its celebrant's encoder has been away for as long as the file says, or is stopped here; its recording is
# ready then. PUBLISH=SECONDS makes a publisher of that length for each, to try it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../build/release/bin:$PATH
file=${1:-$here/memorial.yaml}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

for service in service committal; do
  sed -e "s/memorial-service/memorial-$service/; s/, the service/, the $service/" \
    -e "s|output: out|output: $PWD/out|" "$file" >"$made/$service.yaml"
  stream-ctl apply "$made/$service.yaml"
done
stream-ctl list --group memorial

for service in service committal; do
  name=memorial-$service
  stream-ctl up "$name" &
  up=$!
  if [ -n "${PUBLISH:-}" ]; then
    until stream-ctl status "$name" ingest >/dev/null 2>&1; do sleep 0.1; done
    url=$(sed -n 's/.*listen: "\([^"]*\)".*/\1/p' "$file")
    ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=r=48000 -t "$PUBLISH" \
      -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac -f flv "$url/$name"
  else
    stream-ctl wait "$name" --for live --timeout 12h
    # 1 is no; anything else is no reason to stop a service.
    while
      code=0
      stream-ctl is-live "$name" || code=$?
      [ "$code" != 1 ]
    do sleep 5; done
  fi
  stream-ctl stop "$name"
  wait "$up"
  stream-ctl wait "$name" --for recording-ready --timeout 30s
done
stream-ctl list --group memorial
