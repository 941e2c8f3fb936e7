#!/usr/bin/env bash
# srt.sh: CPU of receiving SRT publishers of 2 Mbit/s, per stream: stream-ingest with all of them (it takes the
# MPEG-TS apart and serves the bus) beside one srt-live-transmit each, which only copies bytes to a file. The
# senders are the same (srt_load.py). PUBLISHERS (100) and SECONDS_MEASURED (10) change the sizes; of
# srt-live-transmit a tenth of them is measured, for its processes do not know each other.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${BENCH_DIR:-$here/../../build/bench}
mkdir -p "$work"
export STREAM_RUNTIME_DIR=$work/run
PATH=${TOOLS_BIN:-$here/../../build/release/bin}:$PATH
publishers=${PUBLISHERS:-100}
theirs_count=$(((publishers + 9) / 10))
measured=${SECONDS_MEASURED:-10}
port=19500
pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true' EXIT

clip=$work/2000k.ts
[ -s "$clip" ] || ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=s=640x360:r=30:d=20,noise=alls=12:allf=t" \
  -f lavfi -i "sine=f=440:r=48000:d=20" -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 1750k -maxrate 1750k \
  -bufsize 900k -x264-params nal-hrd=cbr -g 60 -c:a aac -b:a 96k -muxrate 2000k -f mpegts "$clip"

ticks() {
  local pid sum=0
  for pid in "$@"; do sum=$((sum + $(awk '{sub(/^.*\) /, ""); print $12 + $13}' "/proc/$pid/stat"))); done
  echo "$sum"
}

# load URLS... -- PIDS...: feeds the URLs; prints the percentage of a core that the PIDs used per URL.
load() {
  local urls=() loader from to
  while [ "$1" != -- ]; do
    urls+=("$1")
    shift
  done
  shift
  "$here/srt_load.py" "$clip" "$((measured + 15))" "${urls[@]}" >"$work/srt_load.json" 2>&1 &
  loader=$!
  pids+=("$loader")
  until grep -q '"live"' "$work/srt_load.json"; do
    kill -0 "$loader" 2>/dev/null || {
      cat "$work/srt_load.json" >&2
      return 1
    }
    sleep 0.2
  done
  sleep 2
  from=$(ticks "$@")
  sleep "$measured"
  to=$(ticks "$@")
  wait "$loader" 2>/dev/null || true
  echo "$from $to" | awk -v s="$measured" -v n="${#urls[@]}" -v hz="$(getconf CLK_TCK)" '{printf "%.3f", ($2 - $1) * 100 / hz / s / n}'
}

receivers=() urls=()
for i in $(seq "$theirs_count"); do
  srt-live-transmit -q "srt://127.0.0.1:$((port + i))?mode=listener" file://con >/dev/null 2>&1 &
  receivers+=($!)
  pids+=($!)
  urls+=("srt://127.0.0.1:$((port + i))")
done
sleep 1
theirs=$(load "${urls[@]}" -- "${receivers[@]}")
kill -KILL "${receivers[@]}"
wait "${receivers[@]}" 2>/dev/null || true

open=() urls=()
for i in $(seq "$publishers"); do
  open+=(--open "bench-$i")
  urls+=("srt://127.0.0.1:$port?streamid=bench-$i")
done
stream-ingest --listen "srt://127.0.0.1:$port" "${open[@]}" -q --events "$work/srt.events" 2>"$work/srt.log" &
server=$!
pids+=("$server")
rm -f "$work/srt.events"
until [ -S "$STREAM_RUNTIME_DIR/bench-1/ingest.sock" ] || grep -qs service.ready "$work/srt.events"; do
  kill -0 "$server"
  sleep 0.1
done
ours=$(load "${urls[@]}" -- "$server")
live=$(grep -c '"event":"publisher.connected"' "$work/srt.events" || true)
rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")
lost=$(jq -s 'map(select(.event == "publisher.health")) | group_by(.session) | map(.[-1].dropped_packets) | add' "$work/srt.events")
kill "$server"
wait "$server" 2>/dev/null || true

missed=0
ratio=$(awk -v a="$ours" -v b="$theirs" 'BEGIN {printf "%.2f", a / b}')
mark=ok
awk -v v="$ratio" 'BEGIN { exit !(v <= 0.7) }' || mark=MISSED missed=1
printf '%-36s %10s %18s %9s %8s\n' "figure (% of a core per stream)" ours srt-live-transmit value bar
printf '%-36s %10s %18s %9s %8s  %s\n' "$publishers publishers of 2 Mbit/s" "$ours" "$theirs" "$ratio" 0.7 "$mark"
printf '%s published, %s packets dropped, %s KiB per publisher\n' "$live" "$lost" "$((rss / publishers))"
[ "$live" = "$publishers" ] || missed=1
exit "$missed"
