#!/usr/bin/env bash
# run.sh [PART...]: measures our programs beside ffmpeg and nginx-rtmp, in one run on this machine, and
# prints a table of each part with ratios and bars. Parts: ladder ingest record archive keys srt soak (default: all),
# each a script beside this one. For a machine that does nothing else meanwhile; loopback only; about ten minutes,
# and ten more for soak.
# Exit code 1 when a bar is missed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

tests/support/install.sh run build bench
cmake --preset release >/dev/null
cmake --build --preset release >/dev/null
export TOOLS_BIN="$PWD/build/release/bin" BENCH_DIR="$PWD/build/bench"
export PATH="$TOOLS_BIN:$PATH"
mkdir -p "$BENCH_DIR"

parts=("$@")
[ $# -gt 0 ] || parts=(ladder ingest record archive keys srt soak)
missed=0
echo "$(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(date -u +%F), $(stream-ladder --version | head -n 1)"
for part in "${parts[@]}"; do
  printf '\n%s\n' "$part"
  case $part in
    keys) "$here/keys.py" "$TOOLS_BIN" || missed=1 ;;
    soak) "$here/soak.sh" 10m || missed=1 ;;
    *) "$here/$part.sh" || missed=1 ;;
  esac
done </dev/null
exit "$missed"
