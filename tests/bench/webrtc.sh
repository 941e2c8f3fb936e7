#!/usr/bin/env bash
# webrtc.sh [PART...]: what WebRTC costs and how late it is. Parts (default: all):
#
#   publishers  WHIP publishers of 1 Mbit/s (H.264 of 25 pictures a second and Opus) to one stream-ingest
#   viewers     WHEP viewers of 1 Mbit/s of one stream of one stream-serve
#   rungs       viewers whose lines are wide, narrow and narrower, on three rungs of a live ladder, beside as many of one
#               stream
#   narrow      Chromium on a rung of 900 kbit/s whose line narrows to 400 kbit/s: how soon it is on a smaller one
#   glass       from Chromium's camera through stream-ingest and stream-serve to another Chromium, by numbered pictures
#   loss        the same, with 5 % of the datagrams lost and 50 ms there and back, on the way in and on the way out, LOSS_RUNS (3)
#               times each: most of what freezes does so in a player's first seconds
#   recovery    the same, after 10 s of 20 % loss on the way in
#
# The load is webrtc-load on the same machine, over loopback. PUBLISHERS (250), VIEWERS (400) and RUNG_VIEWERS (200) are
# run, and how many a whole core carries is extrapolated from the CPU that they took; SECONDS_MEASURED (15) changes how long.
# Exit code 1 when a bar is missed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(realpath -m "${BENCH_DIR:-$here/../../build/bench}/webrtc")  # Chromium takes no .. in a path
rm -rf "$work"
mkdir -p "$work/hls"
export STREAM_RUNTIME_DIR=$work/run PULSE_RUNTIME_PATH=$work/pulse
PATH=${TOOLS_BIN:-$here/../../build/release/bin}:$PATH
measured=${SECONDS_MEASURED:-15}
address=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
missed=0
pids=()
end_all() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  pids=()
}
trap end_all EXIT

free_udp() {
  python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 0)); print(s.getsockname()[1])'
}
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "not in time: $*" >&2; return 1; }
    sleep 0.1
  done
}
ready() { grep -qs '"event":"service.ready"' "$1"; }
url_of() { jq -r 'select(.event == "listener.started").url' "$1"; }
ticks() { awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# begin NAME PROGRAM ARGUMENT...: its pid in $begun, its events in NAME.events.
begin() {
  local name=$1
  shift
  rm -f "$work/$name.events"
  "$@" -q --events "$work/$name.events" >/dev/null 2>"$work/$name.err" &
  begun=$!
  pids+=("$begun")
  wait_for 20 ready "$work/$name.events"
}

# row FIGURE VALUE UNIT RELATION BAR
row() {
  local mark=ok
  awk -v v="$2" -v r="$4" -v b="$5" 'BEGIN { exit !(r == ">=" ? v >= b : v <= b) }' || mark=MISSED missed=1
  printf '%-58s %10s %-5s %2s %6s  %s\n' "$1" "$2" "$3" "$4" "$5" "$mark"
}

# load WHAT URL COUNT SERVER-PID [KBPS...]: the percentage of a core that the server took, in $cpu, once the load has gone
# on for $settle seconds; the report in load.json.
settle=3
load() {
  webrtc-load "$1" "$2" "$3" $((measured + settle + 3)) "${@:5}" >"$work/load.json" 2>"$work/load.err" &
  local loader=$! from to
  pids+=("$loader")
  wait_for 60 bash -c "grep -qs connected '$work/load.json' || ! kill -0 $loader 2>/dev/null"
  sleep "$settle"
  from=$(ticks "$4")
  [ -z "${PERF:-}" ] || perf record -q -g -o "$work/$1.perf" -p "$4" -- sleep "$measured" >/dev/null 2>&1 &
  sleep "$measured"
  to=$(ticks "$4")
  wait "$loader" || { cat "$work/load.err" >&2; return 1; }
  cpu=$(awk -v a="$from" -v b="$to" -v s="$measured" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.1f", (b - a) * 100 / hz / s }')
}
# How many of 1 Mbit/s a core carries, by the CPU for what really went through. $2: packets that did not arrive.
per_core() {
  awk -v n="$1" -v lost="$2" -v all="$(of_load .packets)" -v rate="$(of_load .kbps_each)" -v c="$cpu" \
    'BEGIN { printf "%d", n * (1 - lost / all) * rate / 1000 * 100 / c }'
}
of_load() { tail -n 1 "$work/load.json" | jq -r "$1"; }

publishers() {
  local count=${PUBLISHERS:-250} open=() i
  for i in $(seq "$count"); do open+=(--open "bench-$i"); done
  begin ingest stream-ingest --listen whip://127.0.0.1:0 --rtc-port 0 --rtc-address 127.0.0.1 "${open[@]}"
  local url
  url=$(url_of "$work/ingest.events")
  load publish "http${url#whip}/bench-#/whip" "$count" "$begun"
  local lost
  lost=$(jq -s 'map(select(.event == "publisher.health")) | group_by(.session) | map(.[-1].lost_packets) | add' "$work/ingest.events")
  row "WHIP publishers of 1 Mbit/s per core, from $count at $cpu %" "$(per_core "$count" "$lost")" "" '>=' 500
  printf '  %s kbit/s each, %s packets, %s refused by the system; lost on the way: %s; %s KiB each\n' "$(of_load .kbps_each)" \
    "$(of_load .packets)" "$(of_load .refused)" \
    "$lost" \
    "$(($(awk '/^VmRSS/ { print $2 }' "/proc/$begun/status") / count))"
  end_all
}

# bus:bench, of 1 Mbit/s.
source_of_1000k() {
  [ -s "$work/1000k.mp4" ] || ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=s=640x360:r=25:d=120,noise=alls=12:allf=t" \
    -f lavfi -i "sine=f=440:r=48000:d=120" -pix_fmt yuv420p -c:v libx264 -preset ultrafast -bf 0 -b:v 920k -maxrate 920k \
    -bufsize 400k -x264-params nal-hrd=cbr -g 50 -c:a libopus -b:a 64k "$work/1000k.mp4"
  begin source stream-ingest --pull "$work/1000k.mp4" --name bench
}

viewers() {
  local count=${VIEWERS:-400}
  source_of_1000k
  begin serve stream-serve --hls "$work/hls" --listen http://127.0.0.1:0 --whep --rtc-port 0 --rtc-address 127.0.0.1
  load watch "$(url_of "$work/serve.events")bench/whep" "$count" "$begun"
  row "WHEP viewers of 1 Mbit/s per core, from $count at $cpu %" "$(per_core "$count" 0)" "" '>=' 800
  printf '  %s kbit/s each, %s packets, %s lost or late, %s slow; %s KiB each\n' "$(of_load .kbps_each)" "$(of_load .packets)" \
    "$(of_load .lost)" "$(grep -c '"viewer.slow"' "$work/serve.events" || true)" \
    "$(($(awk '/^VmRSS/ { print $2 }' "/proc/$begun/status") / count))"
  end_all
}

# The CPU of a packet, in microseconds.
per_packet() {
  awk -v c="$cpu" -v n="$(of_load .packets)" -v s="$(of_load .seconds)" 'BEGIN { printf "%.2f", c / 100 * 1e6 * s / n }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

rungs() {
  local count=${RUNG_VIEWERS:-200} plain cpu_plain
  source_of_1000k
  begin serve stream-serve --hls "$work/hls" --listen http://127.0.0.1:0 --whep --rtc-port 0 --rtc-address 127.0.0.1
  load watch "$(url_of "$work/serve.events")bench/whep" "$count" "$begun"
  plain=$(per_packet) cpu_plain=$cpu
  end_all
  source_of_1000k
  begin ladder stream-ladder -i bus:bench --bus --low-delay --segment 1s --preset ultrafast --rung 360p@900k \
    --rung 480x270@400k,name=270p --rung 180p@150k
  begin serve stream-serve --name bench --listen http://127.0.0.1:0 --whep --rtc-port 0 --rtc-address 127.0.0.1
  settle=20
  load watch "$(url_of "$work/serve.events")bench/whep" "$count" "$begun" 5000 700 320
  settle=3
  row "$count WHEP viewers on three rungs: CPU, beside one stream" "$(ratio "$cpu" "$cpu_plain")" x '<=' 1.3
  row "and of a packet" "$(ratio "$(per_packet)" "$plain")" x '<=' 1.7
  printf '  %s us a packet at %s %% of a core; of one stream %s us at %s %%\n' "$(per_packet)" "$cpu" "$plain" "$cpu_plain"
  printf '  lines of 5000, 700 and 320 kbit/s got %s kbit/s; %s moves down, %s up, %s slow\n' "$(of_load '.kbps_by_line | map(tostring) | join(", ")')" \
    "$(grep -c 'viewer.moved.*lost' "$work/serve.events" || true)" "$(grep -c 'viewer.moved.*arrives' "$work/serve.events" || true)" \
    "$(grep -c '"viewer.slow"' "$work/serve.events" || true)"
  end_all
}

narrow() {
  local port place began moved
  source_of_1000k
  begin ladder stream-ladder -i bus:bench --bus --low-delay --segment 1s --preset ultrafast --rung 360p@900k --rung 180p@150k
  port=$(free_udp)
  began=$(date +%s%3N)
  relay narrow 'delay=10ms; 15s: delay=10ms rate=400k' "$port"
  begin serve stream-serve --listen http://127.0.0.1:0 --whep --rtc-port "$port" --rtc-address "$place"
  node "$here/../browser/play.mjs" "$(url_of "$work/serve.events")bench/live" --seconds 25 >"$work/narrow.json" 2>"$work/narrow.err" ||
    { cat "$work/narrow.err" >&2; return 1; }
  moved=$(jq -s "[.[] | select(.event == \"viewer.moved\" and .rung == \"180p\") | .time | (.[:19] + \"Z\" | fromdate) * 1000 + (.[20:23] | tonumber)
    | select(. > $began + 15000)][0] // ($began + 114000) | . - $began - 15000" "$work/serve.events")
  row "a line of 900 kbit/s narrows to 400: on the smaller rung after" "$(awk -v m="$moved" 'BEGIN { printf "%.1f", m / 1000 }')" s '<=' 6
  row "and frozen, of 25 s" "$(of narrow '.frozen_seconds * 10 | round / 10')" s '<=' 3
  printf '  %s freezes; widths %s; moved: %s\n' "$(of narrow .freezes)" "$(of narrow '.widths | tojson')" \
    "$(jq -r 'select(.event == "viewer.moved") | .rung + ": " + .reason' "$work/serve.events" | paste -sd,)"
  end_all
}

camera() {
  local filter=testsrc2=s=640x360:r=30:d=30 bit
  for bit in $(seq 0 9); do
    filter+=",drawbox=x=$((bit * 32)):y=0:w=32:h=32:color=black:t=fill"
    filter+=",drawbox=x=$((bit * 32)):y=0:w=32:h=32:color=white:t=fill:enable='mod(floor(n/$((1 << bit))),2)'"
  done
  [ -s "$work/camera.y4m" ] || ffmpeg -nostdin -v error -y -f lavfi -i "$filter" -pix_fmt yuv420p "$work/camera.y4m"
}

# relay NAME PLAN PORT: a relay to the port; its place in $place.
relay() {
  stream-fault udp "$address:0" "127.0.0.1:$3" "$2" --seed "${seed:-7}" >"$work/$1.out" 2>&1 &
  pids+=($!)
  wait_for 5 grep -qs 'listening on' "$work/$1.out"
  place=$(sed -n 's/listening on //p' "$work/$1.out")
}

# glass NAME SECONDS PLAN-IN PLAN-OUT ARGUMENT...: Chromium to Chromium; the report in NAME.json.
glass() {
  local name=$1 length=$2 plan_in=$3 plan_out=$4 in_port out_port in=() out=() place url
  shift 4
  camera
  in_port=$(free_udp)
  [ -z "$plan_in" ] || { relay "$name-in" "$plan_in" "$in_port" && in=(--rtc-address "$place"); }
  begin ingest stream-ingest --listen whip://127.0.0.1:0 --rtc-port "$in_port" "${in[@]}" --open bench
  url=$(url_of "$work/ingest.events")
  out_port=$(free_udp)
  [ -z "$plan_out" ] || { relay "$name-out" "$plan_out" "$out_port" && out=(--rtc-address "$place"); }
  begin serve stream-serve --hls "$work/hls" --listen http://127.0.0.1:0 --whep --rtc-port "$out_port" "${out[@]}"
  node "$here/../browser/glass.mjs" "http${url#whip}/bench/whip" "$(url_of "$work/serve.events")bench/live" \
    --camera "$work/camera.y4m" --seconds "$length" "$@" >"$work/$name.json" 2>"$work/$name.err" || { cat "$work/$name.err" >&2; return 1; }
  end_all
}
of() { jq -r "$2" "$work/$1.json"; }

# loss in|out: the share of the time that stands still, on the way in or out.
loss() {
  local way=$1 seed plan='delay=25ms loss=5%' reports=() report
  for seed in $(seq "${LOSS_RUNS:-3}"); do
    if [ "$way" = in ]; then glass "loss-in-$seed" "$measured" "$plan" ''; else glass "loss-out-$seed" "$measured" '' "$plan"; fi
    reports+=("$work/loss-$way-$seed.json")
  done
  row "5 % loss, 50 ms there and back, on the way $way: frozen" \
    "$(jq -s 'map(.frozen_share) | add / length * 10000 | round / 100' "${reports[@]}")" % '<=' 2
  for report in "${reports[@]}"; do
    jq -r '"  \(.frozen_share * 10000 | round / 100) %, \(.freezes) freezes; median \(.median_ms) ms, 95 of 100 \(.p95_ms
      ) ms; \(.lost) lost for the player, \(.plis) key frames asked for; longest gaps [s, ms]: \(.gaps | sort_by(-.[1])[:4] | tojson)"' "$report"
  done
}

parts=("$@")
[ $# -gt 0 ] || parts=(publishers viewers rungs narrow glass loss recovery)
for part in "${parts[@]}"; do
  case $part in
    publishers | viewers | rungs | narrow) "$part" ;;
    glass)
      glass clean "$measured" '' ''
      row "glass to glass, median of $(of clean .pictures) pictures" "$(of clean .median_ms)" ms '<=' 150
      row "glass to glass, 95 of 100" "$(of clean .p95_ms)" ms '<=' 300
      printf '  least %s ms; the player holds a picture for %s ms; sent: %s\n' "$(of clean .least_ms)" "$(of clean .buffer_ms)" \
        "$(of clean '.sent | tojson')"
      ;;
    loss)
      loss in
      loss out
      ;;
    recovery)
      glass recovery 45 'delay=10ms; 15s: delay=10ms loss=20%; 25s: delay=10ms' '' --bad-from 15 --bad-until 25
      row "10 s of 20 % loss on the way in: back to before + 100 ms after" "$(of recovery '.recovered_seconds * 10 | round / 10')" s '<=' 10
      printf '  good up to %s ms\n' "$(of recovery .good_ms)"
      of recovery '.each_second_ms | map(tostring) | join(" ")' | sed 's/^/  median of each second, ms: /'
      of recovery '.pictures_each_second | map(tostring) | join(" ")' | sed 's/^/  pictures of each second: /'
      ;;
    *)
      echo "webrtc.sh: no part '$part'" >&2
      exit 2
      ;;
  esac
done
exit "$missed"
