#!/usr/bin/env bash
# plan.sh [SOURCE.mp4]: the figures that `stream-ctl plan` reckons with, measured on this machine by CPU time, so that
# other load matters little. Copy them into lib/streams/estimate.cpp. SOURCE: 1080p30 (else ladder_source.sh makes it).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=${TOOLS_BIN:-$here/../../build/release/bin}:$PATH
work=${BENCH_DIR:-$here/../../build/bench}
mkdir -p "$work"
source=${1:-$work/ladder_source.mp4}
[ -s "$source" ] || "$here/ladder_source.sh" "$source"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export STREAM_RUNTIME_DIR=$out/run
seconds=8
ffmpeg -nostdin -v error -y -ss 16 -t $seconds -i "$source" -c copy "$out/source.mp4"

# cpu COMMAND...: seconds of CPU, of the program and of what it started.
cpu() {
  local TIMEFORMAT='%U %S'
  { time "$@" >"$out/log" 2>&1; } 2>&1 | awk '{ print $1 + $2 }'
}

# ladder RUNG...
ladder() {
  local arguments=()
  for rung in "$@"; do arguments+=(--rung "$rung"); done
  rm -rf "$out/hls"
  cpu stream-ladder -q -i "$out/source.mp4" -o "$out/hls" "${arguments[@]}"
}

mpixel() { awk -v w="$1" -v h="$2" -v s=$seconds 'BEGIN { print w * h * 30 * s / 1e6 }'; }

full=$(mpixel 1920 1080)
small=$(ladder 320x180@200k)
awk -v c="$small" -v a="$(mpixel 320 180)" -v f="$full" -v e=0.0125 \
  'BEGIN { printf "decode (and scale)  %.4f cores per Mpixel/s\n", (c - a * e) / f }'
for rung in 1920x1080@5000k 1280x720@2800k 854x480@1400k 640x360@800k; do
  size=${rung%@*}
  awk -v c="$(ladder "$rung")" -v b="$small" -v a="$(mpixel "${size%x*}" "${size#*x}")" -v r="$rung" \
    'BEGIN { printf "encode %-16s %.4f cores per Mpixel/s\n", r, (c - b) / a }'
done
awk -v c="$(ladder 1080p@5000k 720p@2800k 480p@1400k 360p@800k)" -v s=$seconds \
  'BEGIN { printf "default ladder      %.2f cores\n", c / s }'
for preset in ultrafast superfast faster fast medium; do
  awk -v c="$(ladder "1280x720@2800k,preset=$preset")" -v b="$small" -v a="$(mpixel 1280 720)" -v p=$preset \
    'BEGIN { printf "encode 720p %-11s %.4f cores per Mpixel/s\n", p, (c - b) / a }'
done
awk -v c="$(cpu stream-ingest --test-pattern --duration ${seconds}s --size 1280x720 -o "$out/pattern.nut" -q)" -v a="$(mpixel 1280 720)" \
  'BEGIN { printf "test pattern        %.4f cores per Mpixel/s\n", c / a }'
bits=$(($(stat -c %s "$out/source.mp4") * 8))
for tool in "ingest --pull $out/source.mp4 -o $out/o.nut" "record -i $out/source.mp4 -o $out/rec"; do
  # shellcheck disable=SC2086
  awk -v c="$(cpu stream-$tool)" -v b=$bits -v t="${tool%% *}" \
    'BEGIN { printf "%-19s %.5f cores per Mbit/s\n", t, c / (b / 1e6) }'
done
