#!/usr/bin/env bash
# conference.sh FILE [SECONDS]: a conference day by examples/conference.yaml, or a copy of it: one stream-ingest
# for the speakers of all ROOMS ("room-1 room-2 room-3"), a stream for each room, and in the end what was
# recorded of it. INGEST=rtmp://ADDRESS:PORT/live says where the rooms' encoders publish, each to its own name.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
file=${1:?conference.sh FILE [SECONDS]}
seconds=${2:-28800}
read -ra rooms <<<"${ROOMS:-room-1 room-2 room-3}"
made=$(mktemp -d)
ups=()
ingest=
finish() {
  if [ ${#ups[@]} -gt 0 ]; then kill "${ups[@]}" 2>/dev/null || true; fi
  for up in "${ups[@]}"; do wait "$up" || true; done
  kill "$ingest" 2>/dev/null || true
  wait
  rm -rf "$made"
}
trap finish EXIT

open=()
for room in "${rooms[@]}"; do open+=(--open "$room"); done
stream-ingest -q --listen "${INGEST:-rtmp://127.0.0.1:1935/live}" "${open[@]}" &
ingest=$!
for room in "${rooms[@]}"; do
  sed -e "s/room-1/$room/; s/Room 1/Room ${room#room-}/" -e "s|output: out|output: $PWD/out|" "$file" >"$made/$room.yaml"
  stream-ctl up "$made/$room.yaml" &
  ups+=($!)
done
sleep "$seconds"
stream-ctl list --group conference --live
for room in "${rooms[@]}"; do stream-ctl status "$room" record --json; done
