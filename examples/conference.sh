#!/usr/bin/env bash
# conference.sh FILE: a conference day by examples/conference.yaml, or a copy of it: one stream-ingest for the
# speakers of all ROOMS ("room-1 room-2 room-3"), a stream for each room that opens and ends by the schedule, and
# in the end what became of it. INGEST=rtmp://ADDRESS:PORT/live says where the rooms' encoders publish, each to
# its own name.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
file=${1:?conference.sh FILE}
read -ra rooms <<<"${ROOMS:-room-1 room-2 room-3}"
made=$(mktemp -d)
ups=()
ingest=
finish() {
  kill "${ups[@]}" "$ingest" 2>/dev/null || true
  wait
  rm -rf "$made"
}
trap finish EXIT

open=()
for room in "${rooms[@]}"; do
  open+=(--open "$room")
  sed -e "s/room-1/$room/; s/Room 1/Room ${room#room-}/" -e "s|output: out|output: $PWD/out|" "$file" >"$made/$room.yaml"
  stream-ctl apply "$made/$room.yaml"
done
stream-ctl list --group conference
stream-ingest -q --listen "${INGEST:-rtmp://127.0.0.1:1935/live}" "${open[@]}" &
ingest=$!
for room in "${rooms[@]}"; do
  stream-ctl up "$room" &
  ups+=($!)
done
# Each ends after its last session.
for up in "${ups[@]}"; do wait "$up"; done
ups=()
kill "$ingest"
wait "$ingest" || true
stream-ctl list --group conference
