#!/usr/bin/env bash
# record.sh [--seconds N] [--recordings N]: what recording costs. One live stream of 6 Mbit/s on the bus, N
# recorders of it at once; CPU and memory of each: what it has for itself (its private pages), what it has with its
# share of the libraries (PSS), and all it can see (RSS). Bars: 0.5 % of a core, 8 MiB of its own. Loopback only.
set -euo pipefail
seconds=20 count=20
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2 && shift 2 ;;
    --recordings) count=$2 && shift 2 ;;
    *) sed -n 2,4p "$0" && exit 2 ;;
  esac
done
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${TOOLS_BIN:-$root/build/release/bin}
dir=$(mktemp -d)
children=()
cleanup() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap cleanup EXIT
export STREAM_RUNTIME_DIR=$dir/run STREAM_STATE_DIR=$dir/state

# Noise does not compress: the encoder reaches its rate.
ffmpeg -nostdin -v error -f lavfi -i "testsrc2=s=1280x720:r=30:d=10,noise=alls=40:allf=t+u" -f lavfi -i "sine=f=440:r=48000:d=10" \
  -c:v libx264 -preset ultrafast -b:v 6M -minrate 6M -maxrate 6M -bufsize 6M -g 60 -c:a aac -b:a 128k "$dir/source.mp4"
mkfifo "$dir/pipe"
ffmpeg -nostdin -v error -re -stream_loop -1 -i "$dir/source.mp4" -c copy -f nut -y "$dir/pipe" &
children+=($!)
"$bin/stream-ingest" --pull "$dir/pipe" -o bus:bench >"$dir/ingest.log" 2>&1 &
children+=($!)
recorders=()
for n in $(seq "$count"); do
  "$bin/stream-record" -i bus:bench -o "$dir/rec$n" --name "r$n" >"$dir/record$n.log" 2>&1 &
  recorders+=($!)
  children+=($!)
done
for _ in $(seq 200); do
  [ "$(find "$dir" -path '*/rec*' -name '*.mp4' | wc -l)" -ge "$count" ] && break
  sleep 0.1
done

used() { cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { print sum }'; }
written() { find "$dir" -path '*/rec*' -name '*.mp4' -printf '%s\n' | awk '{ sum += $1 } END { print sum }'; }
declare -A before
for pid in "${recorders[@]}"; do before[$pid]=$(used "$pid"); done
bytes=$(written)
sleep "$seconds"
for pid in "${recorders[@]}"; do
  awk -v cpu=$(($(used "$pid") - ${before[$pid]})) -v s="$seconds" '
    /^[0-9a-f]+-[0-9a-f]+ / { library = $6 ~ /\.so/ }
    /^Rss:/ { rss += $2 } /^Pss:/ { pss += $2 } /^Private_/ { own += $2; if (library) libraries += $2 }
    END { printf "%.3f %d %d %d %d\n", cpu / 1e7 / s, own, pss, rss, libraries }' "/proc/$pid/smaps"
done | awk -v s="$seconds" -v n="$count" -v bytes=$(($(written) - bytes)) '
  { cpu += $1; own += $2; pss += $3; rss += $4; libraries += $5; if ($1 > max) max = $1; if ($2 > most) most = $2 }
  END {
    printf "%d recordings of %.1f Mbit/s\n", NR, bytes * 8 / s / n / 1e6
    printf "  CPU each: %.2f %% of a core (worst %.2f, bar 0.50)\n", cpu / NR, max
    printf "  memory each: %.1f MiB of its own (worst %.1f, bar 8.0), PSS %.1f MiB, RSS %.1f MiB\n", own / NR / 1024, most / 1024, pss / NR / 1024, rss / NR / 1024
    printf "  of its own, what the loader writes into shared libraries: %.1f MiB\n", libraries / NR / 1024
    exit !(cpu / NR <= 0.5 && own / NR <= 8192)
  }'
