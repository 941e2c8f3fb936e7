#!/usr/bin/env bash
# ladder.sh [SOURCE.mp4] [RUNS]: stream-ladder against one ffmpeg process with the same x264 settings, interleaved runs in
# one go; the least of each figure counts. Prints the table and exits with 1 when a bar is missed. SSIM is against the
# source scaled by a filter that neither of the two uses (Lanczos).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=${TOOLS_BIN:-$root/build/release/bin}
source=${1:-$root/build/bench/ladder_source.mp4}
runs=${2:-3}
"$here/ladder_source.sh" "$source"
work=$(mktemp -d "${TMPDIR:-/tmp}/ladder-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

# timed NAME COMMAND...: appends "cpu wall rss" to NAME.times
timed() {
  local name=$1
  shift
  /usr/bin/time -a -o "$work/$name.raw" -f "%U %S %e %M" "$@"
  tail -n 1 "$work/$name.raw" | awk '{print $1 + $2, $3, $4 / 1024}' >>"$work/$name.times"
}
least() { awk -v c="$2" 'NR == 1 || $c < m { m = $c } END { print m }' "$work/$1.times"; }

for ((run = 0; run < runs; run++)); do
  rm -rf "$work/ours" "$work/copy"
  timed ours "$bin/stream-ladder" -q -i "$source" -o "$work/ours" --dvr all
  timed ffmpeg "$here/ladder_ffmpeg.sh" "$source" "$work/ffmpeg"
  timed copy "$bin/stream-ladder" -q -i "$source" -o "$work/copy" --dvr all --copy-top
done

ssim() { # PLAYLIST WIDTH HEIGHT
  ffmpeg -nostdin -hide_banner -i "$1" -i "$source" -filter_complex \
    "[0:v]setpts=N/30/TB[a];[1:v]setpts=N/30/TB,scale=$2:$3:flags=lanczos+accurate_rnd[b];[a][b]ssim" -an -f null - 2>&1 |
    sed -n 's/.*SSIM Y:\([0-9.]*\).*All:\([0-9.]*\).*/\2/p'
}
bytes() { cat "$1"/*.m4s "$1"/*.ts 2>/dev/null | wc -c; }

missed=0
row() { # TEXT OURS THEIRS VALUE BAR le|ge
  local mark=ok
  awk -v v="$4" -v b="$5" -v op="$6" 'BEGIN { exit !(op == "le" ? v <= b : v >= b) }' || { mark=MISSED missed=1; }
  printf '%-36s %10s %10s %9s %8s  %s\n' "$1" "$2" "$3" "$4" "$5" "$mark"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

printf '%-36s %10s %10s %9s %8s\n' "figure (least of $runs runs)" ours ffmpeg value bar
f=$(least ffmpeg 1)
row "CPU seconds, four rungs" "$(least ours 1)" "$f" "$(ratio "$(least ours 1)" "$f")" 0.95 le
row "CPU seconds, --copy-top" "$(least copy 1)" "$f" "$(ratio "$(least copy 1)" "$f")" 0.50 le
row "wall clock seconds" "$(least ours 2)" "$(least ffmpeg 2)" "$(ratio "$(least ours 2)" "$(least ffmpeg 2)")" 0.90 le
row "peak resident MiB" "$(least ours 3)" "$(least ffmpeg 3)" "$(ratio "$(least ours 3)" "$(least ffmpeg 3)")" 0.80 le
index=0
for rung in 1080p:1920:1080 720p:1280:720 480p:854:480 360p:640:360; do
  IFS=: read -r name width height <<<"$rung"
  ours=$(ssim "$work/ours/$name/playlist.m3u8" "$width" "$height")
  theirs=$(ssim "$work/ffmpeg/$index/playlist.m3u8" "$width" "$height")
  row "SSIM $name" "$ours" "$theirs" "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%+.4f", a - b }')" -0.002 ge
  printf '%-36s %10s %10s\n' "  kbit/s with container" "$(($(bytes "$work/ours/$name") * 8 / 60000))" \
    "$(($(bytes "$work/ffmpeg/$index") * 8 / 60000))"
  index=$((index + 1))
done
exit "$missed"
