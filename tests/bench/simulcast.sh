#!/usr/bin/env bash
# simulcast.sh [--seconds N] [--destinations N] [--many N] [--ffmpeg] [--delay-only]: what forwarding costs. One
# 6 Mbit/s stream to N destinations (one nginx takes them all): stream-simulcast and nginx-rtmp's push, and with
# --ffmpeg one "ffmpeg -c copy" per destination, all at the same time, so that what else the machine does weighs
# on all; CPU per destination, memory, and the ratios. Then the delay that one stalled destination of five adds
# to the others, and ours to --many destinations. Needs nginx with the RTMP module. Loopback only.
set -euo pipefail
seconds=20 count=16 many=200 with_ffmpeg=0 delay_only=0
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2 && shift 2 ;;
    --destinations) count=$2 && shift 2 ;;
    --many) many=$2 && shift 2 ;;
    --ffmpeg) with_ffmpeg=1 && shift ;;
    --delay-only) delay_only=1 && shift ;;
    *) sed -n 2,6p "$0" && exit 2 ;;
  esac
done
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${STREAM_BIN:-$root/build/release/bin}
dir=$(mktemp -d)
children=()
cleanup() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap cleanup EXIT
export STREAM_RUNTIME_DIR=$dir/run STREAM_STATE_DIR=$dir/state
ulimit -n 8192 2>/dev/null || true

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
sink=$(port) relay=$(port)
head="load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; worker_processes 1; daemon off; events { worker_connections 8192; }"
pushes=$(for i in $(seq "$count"); do printf 'push rtmp://127.0.0.1:%s/live/n%s; ' "$sink" "$i"; done)
echo "$head pid $dir/sink.pid; error_log $dir/sink.err warn; rtmp { server { listen 127.0.0.1:$sink; chunk_size 4096; application live { live on; } } }" >"$dir/sink.conf"
echo "$head pid $dir/relay.pid; error_log $dir/relay.err warn; rtmp { server { listen 127.0.0.1:$relay; chunk_size 4096; application live { live on; $pushes } } }" >"$dir/relay.conf"

# Noise does not compress: the encoder reaches its rate.
ffmpeg -v error -f lavfi -i "testsrc2=s=1280x720:r=30:d=10,noise=alls=40:allf=t+u" -f lavfi -i "sine=f=440:r=48000:d=10" \
  -c:v libx264 -preset ultrafast -b:v 6M -minrate 6M -maxrate 6M -bufsize 6M -g 60 -c:a aac -b:a 128k "$dir/source.mp4"

used() { # ns of CPU of a process and its children; what they have done, not what the clock happened to see
  local pid
  for pid in $1 $(pgrep -P "$1" || true); do cat "/proc/$pid"/task/*/schedstat; done | awk '{ sum += $1 } END { printf "%.0f", sum }'
}
memory() {
  local pid sum=0
  for pid in $1 $(pgrep -P "$1" || true); do
    sum=$((sum + $(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")))
  done
  echo "$sum"
}
# cost PID:COUNT:LABEL...: sets cpu[LABEL] (% of a core per destination) and rss[LABEL] (KiB)
declare -A cpu rss
cost() {
  local item pid number label
  local -A before
  for item in "$@"; do before[$item]=$(used "${item%%:*}"); done
  sleep "$seconds"
  for item in "$@"; do
    IFS=: read -r pid number label <<<"$item"
    cpu[$label]=$(awk -v t=$(($(used "$pid") - ${before[$item]})) -v s="$seconds" -v n="$number" 'BEGIN { printf "%.4f", t / 1e7 / s / n }')
    rss[$label]=$(memory "$pid")
    printf '%-44s %8s %% of a core each  %8s KiB in all\n' "$label, $number" "${cpu[$label]}" "${rss[$label]}"
  done
}
ratio() { # LABEL LABEL BAR
  awk -v a="${cpu[$1]}" -v b="${cpu[$2]}" -v bar="$3" -v l="$2" 'BEGIN { printf "  ours / %s, CPU per destination: %.2f (bar %s)\n", l, a / b, bar }'
}
feed() { # an endless source to $1
  ffmpeg -nostdin -v error -re -stream_loop -1 -i "$dir/source.mp4" -c copy -f "$1" "${@:2}" 2>/dev/null &
  children+=($!)
}
ours() { # COUNT NAME: starts it, pid in $pid
  local to=()
  for i in $(seq "$1"); do to+=(--to "d$i=rtmp://127.0.0.1:$sink/live/$2x$i"); done
  mkfifo "$dir/fifo-$2"
  feed nut -y "$dir/fifo-$2"
  "$bin/stream-simulcast" -i "$dir/fifo-$2" --name "$2" -q "${to[@]}" &
  pid=$!
  children+=("$pid")
}
health() {
  "$bin/stream-simulcast" list "$1" --json |
    jq -r '"  live \([.destinations[] | select(.state == "live")] | length), dropped \([.destinations[] | .dropped_pictures + .dropped_sounds] | add)"'
}
end() { # everything but the sink
  local child
  for child in "${children[@]:1}"; do kill "$child" 2>/dev/null || true; done
  for child in "${children[@]:1}"; do wait "$child" 2>/dev/null || true; done
  children=("${children[0]}")
}

nginx -p "$dir" -c "$dir/sink.conf" 2>/dev/null &
children+=($!)
sleep 1
if [ "$delay_only" = 0 ]; then
  ours "$count" all
  measured=("$pid:$count:stream-simulcast")
  ours 1 one
  measured+=("$pid:1:stream-simulcast with one")
  nginx -p "$dir" -c "$dir/relay.conf" 2>/dev/null &
  children+=($!)
  measured+=("$!:$count:nginx-rtmp")
  sleep 1
  feed flv "rtmp://127.0.0.1:$relay/live/x"
  if [ "$with_ffmpeg" = 1 ]; then
    feed flv "rtmp://127.0.0.1:$sink/live/src"
    sleep 2
    ffmpeg -nostdin -v error -i "rtmp://127.0.0.1:$sink/live/src" -c copy -f flv "rtmp://127.0.0.1:$sink/live/copy" 2>/dev/null &
    children+=($!)
    measured+=("$!:1:ffmpeg -c copy")
  fi
  sleep 6
  cost "${measured[@]}"
  health all
  awk -v a="${rss[stream-simulcast]}" -v b="${rss[stream-simulcast with one]}" -v n="$count" \
    'BEGIN { printf "  memory per further destination: %.0f KiB (bar 1024)\n", (a - b) / (n - 1) }'
  awk -v a="${cpu[stream-simulcast]}" -v b="${cpu[stream-simulcast with one]}" -v n="$count" \
    'BEGIN { printf "  CPU per further destination: %.4f %% of a core\n", (a * n - b) / (n - 1) }'
  ratio stream-simulcast nginx-rtmp 1.0
  [ "$with_ffmpeg" = 0 ] || ratio stream-simulcast "ffmpeg -c copy" 0.15
  end
fi

# Two processes read one bus; only one of them has a destination that stops reading.
mkfifo "$dir/fifo-delay"
feed nut -y "$dir/fifo-delay"
"$bin/stream-ingest" --pull "$dir/fifo-delay" --name delay -q &
children+=($!)
for kind in control disturbed stalled; do
  port=$(port)
  script=good
  [ $kind != stalled ] || script=stop:5
  python3 "$root/tests/support/rtmp_sink.py" --port "$port" --script $script --record "$dir/$kind" --rcvbuf 65536 >"$dir/$kind.out" &
  children+=($!)
  declare "port_$kind=$port"
done
sleep 2
for kind in control disturbed; do
  to=()
  port=port_$kind
  for i in 1 2 3 4; do to+=(--to "d$i=rtmp://127.0.0.1:${!port}/live/$i"); done
  [ $kind = control ] || to+=(--to "stalled=rtmp://127.0.0.1:$port_stalled/live/s")
  "$bin/stream-simulcast" -i bus:delay --name $kind -q "${to[@]}" &
  children+=($!)
done
sleep $((8 + seconds))
end
python3 "$root/tests/bench/simulcast_delay.py" "$dir/control" "$dir/disturbed" "$seconds"
[ "$delay_only" = 0 ] || exit 0

if [ "$many" != 0 ]; then
  ours "$many" many
  sleep 6
  cost "$pid:$many:stream-simulcast"
  awk -v a="${cpu[stream-simulcast]}" -v n="$many" 'BEGIN { printf "  in all: %.1f %% of a core\n", a * n }'
  health many
fi
