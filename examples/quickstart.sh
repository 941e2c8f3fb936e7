#!/usr/bin/env bash
# quickstart.sh [--seconds N] [--input FILE] [--out DIR]: the main job on this machine.
#
# ffmpeg publishes FILE (default: a moving picture with a clock, a flash and a beep each second) in real time
# over RTMP to stream-ingest, which feeds stream-ladder, stream-record and stream-serve. Prints the
# address of a page that plays it. After N seconds (default: at Ctrl-C or the end of FILE) it stops everything,
# checks what was made and prints it. Exit code 0 only if all of that was right.
# Installs what is missing (Debian packages), builds what is not built.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=demo
seconds=0
input=
out=$root/out/quickstart

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0"
}

bad_usage() {
  echo "quickstart.sh: $1" >&2
  echo "Try: examples/quickstart.sh --help" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --*=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    --seconds | --input | --out) [ $# -ge 2 ] || bad_usage "$1 needs a value" ;;
    *) bad_usage "unknown option \"$1\"" ;;
  esac
  case $1 in
    --seconds) seconds=${2%s} ;;
    --input) input=$2 ;;
    --out) out=$2 ;;
  esac
  shift 2
done
[[ $seconds =~ ^[0-9]+$ ]] || bad_usage "--seconds \"$seconds\" is not a number of seconds"
[ -z "$input" ] || [ -r "$input" ] || bad_usage "--input \"$input\" can't be read"
# What an earlier run of this script left there may go; anything else may not.
if [ -e "$out/hls" ] || [ -e "$out/rec" ]; then
  [ -e "$out/.quickstart" ] || bad_usage "--out \"$out\" holds hls/ or rec/ that this script did not make"
fi

step() { printf '\n== %s\n' "$*" >&2; }

step "Packages and build (nothing to do if all is there)"
cd "$root"
tests/support/install.sh run build
cmake --preset release >/dev/null
cmake --build --preset release \
  --target stream-ingest stream-ladder stream-record stream-serve stream-ctl >&2
cd - >/dev/null
PATH=$root/build/release/bin:$PATH

mkdir -p "$out"
touch "$out/.quickstart"
rm -rf "$out/hls" "$out/rec" "$out/log"
mkdir -p "$out/hls" "$out/rec" "$out/log"
out=$(cd "$out" && pwd)
# Sockets of this run alone; short, because the path of a socket may have 107 characters at most.
if [ -z "${STREAM_RUNTIME_DIR:-}" ]; then
  STREAM_RUNTIME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/quickstart.XXXXXX")
  own_runtime=$STREAM_RUNTIME_DIR
fi
export STREAM_RUNTIME_DIR

declare -A pids=()

# launch TOOL COMMAND...: in the background, out of reach of the terminal's Ctrl-C (this script stops
# them in order), and gone when this script is killed.
launch() {
  local tool=$1
  shift
  setsid setpriv --pdeathsig TERM "$@" >"$out/log/$tool.out" 2>"$out/log/$tool.log" </dev/null &
  pids[$tool]=$!
}

alive() { [ -n "${pids[$1]:-}" ] && kill -0 "${pids[$1]}" 2>/dev/null; }

give_up() {
  echo "quickstart.sh: $1" >&2
  [ -z "${2:-}" ] || tail -n 20 "$out/log/$2.log" >&2
  exit 1
}

clean_up() {
  local tool
  for tool in "${!pids[@]}"; do
    kill -TERM "${pids[$tool]}" 2>/dev/null || true
  done
  wait
  [ -z "${own_runtime:-}" ] || rm -rf "$own_runtime"
}
trap clean_up EXIT

# await SECONDS TOOL WHAT COMMAND...: until the command succeeds, as long as the tool lives.
await() {
  local deadline=$((SECONDS + $1)) tool=$2 what=$3
  shift 3
  until "$@" 2>/dev/null; do
    alive "$tool" || give_up "$tool ended before $what" "$tool"
    [ "$SECONDS" -lt "$deadline" ] || give_up "waited in vain for $what" "$tool"
    sleep 0.1
  done
}

port_open() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The default port, or the next free one above it.
port_from() {
  local port=$1
  while port_open "$port"; do port=$((port + 1)); done
  echo "$port"
}

# finish TOOL: waits for its end, at most 10 s after SIGTERM, and demands a clean exit.
finish() {
  local tool=$1 code=0 deadline=$((SECONDS + 10))
  kill -TERM "${pids[$tool]}" 2>/dev/null || true
  while alive "$tool" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
  ! alive "$tool" || kill -KILL "${pids[$tool]}"
  wait "${pids[$tool]}" || code=$?
  unset "pids[$tool]"
  [ "$code" = 0 ] || {
    echo "$tool ended with exit code $code; the end of its log:" >&2
    tail -n 20 "$out/log/$tool.log" >&2
    failed=1
  }
}

stopping=0
failed=0
trap 'stopping=1' INT TERM

step "Starting"
rtmp_port=$(port_from 1935)
http_port=$(port_from 8080)
launch ingest stream-ingest --listen "rtmp://127.0.0.1:$rtmp_port/live" --open "$name"
await 10 ingest "it listened on port $rtmp_port" port_open "$rtmp_port"
launch serve stream-serve --listen "http://127.0.0.1:$http_port" --hls "$out/hls"

if [ -n "$input" ]; then
  codecs=$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$input" | tr '\n' ' ') ||
    give_up "--input \"$input\" is not a media file"
  video=(-c:v libx264 -preset veryfast -g 60 -pix_fmt yuv420p)
  audio=(-c:a aac -b:a 160k)
  [[ " $codecs" != *" h264 "* ]] || video=(-c:v copy)
  [[ " $codecs" != *" aac "* ]] || audio=(-c:a copy)
  source=(-re -i "$input")
else
  video=(-c:v libx264 -preset ultrafast -b:v 3000k -g 60 -pix_fmt yuv420p)
  audio=(-c:a aac -b:a 128k)
  mark='lt(mod(t+0.001,1),0.06)'
  tone='if(lt(mod(t,1),0.04),0.5*sin(2*PI*1000*t),0)'
  source=(-re -f lavfi -i "testsrc2=s=1280x720:r=30,drawbox=w=iw:h=ih:t=fill:color=white:enable='$mark'"
    -re -f lavfi -i "aevalsrc='$tone|$tone':s=48000")
fi
launch publisher ffmpeg -nostdin -v error "${source[@]}" "${video[@]}" "${audio[@]}" \
  -f flv "rtmp://127.0.0.1:$rtmp_port/live/$name"
await 15 publisher "the stream was on the bus" test -S "$STREAM_RUNTIME_DIR/$name/media.sock"
launch record stream-record -i "bus:$name" -o "$out/rec/"
launch ladder stream-ladder -i "bus:$name" -o "$out/hls/$name" --dvr all
await 30 ladder "the first segments were there" test -s "$out/hls/$name/master.m3u8"

echo "Watch:   http://127.0.0.1:$http_port/$name/"
echo "Publish: rtmp://127.0.0.1:$rtmp_port/live (this script's ffmpeg does)"
echo "Status:  STREAM_RUNTIME_DIR=$STREAM_RUNTIME_DIR stream-ctl status $name"
[ "$seconds" != 0 ] || echo "Ctrl-C stops it."

until=$((SECONDS + seconds))
ended=
while [ "$stopping" = 0 ]; do
  [ "$seconds" = 0 ] || [ "$SECONDS" -lt "$until" ] || break
  alive publisher || break # the file has ended
  for tool in ingest ladder record serve; do
    alive "$tool" || ended=$tool
  done
  # At the end of the file its readers end too, and may be first.
  sleep 0.5 || true
  [ -z "$ended" ] || ! alive publisher || give_up "$ended ended while the stream was live" "$ended"
done

step "Stopping"
trap '' INT TERM
if alive publisher; then kill -INT "${pids[publisher]}"; fi
wait "${pids[publisher]}" 2>/dev/null || true
unset "pids[publisher]"
for tool in ladder record serve ingest; do finish "$tool"; done

step "What was made"
master=$out/hls/$name/master.m3u8
if ! report=$("$root/tests/support/hls_check.py" --ended --decode --loaded "$master"); then
  echo "the HLS output is not as it should be" >&2
  failed=1
fi
python3 - "$report" "$out/hls/$name" <<'PYTHON'
import json, os, sys
for r in json.loads(sys.argv[1])["renditions"]:
    name = os.path.dirname(os.path.relpath(r["uri"], sys.argv[2]))
    size = f"{r['width']}x{r['height']}" if r["width"] else "sound"
    print(f"rendition {name:8} {size:9} {r['average'] // 1000:5} kbit/s (peak {r['peak'] // 1000}), "
          f"{r['segments']} segments, {r['duration']:.1f} s"
          + (f", {r['gaps']} left out because this machine was too slow" if r["gaps"] else ""))
PYTHON
shopt -s globstar nullglob
recordings=("$out"/rec/**/*.mp4)
[ ${#recordings[@]} -gt 0 ] || failed=1
for file in "${recordings[@]}"; do
  if duration=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$file") &&
    errors=$(ffmpeg -nostdin -v error -i "$file" -f null - 2>&1) && [ -z "$errors" ]; then
    echo "recording $file, $duration s"
  else
    echo "recording $file is damaged: ${errors:-}" >&2
    failed=1
  fi
  if [ "$seconds" != 0 ] && [ -z "$input" ] && [ "${duration%.*}" -lt "$((seconds - 1))" ]; then
    echo "the recording is shorter than the $seconds s that were asked for" >&2
    failed=1
  fi
done
if [ "$failed" != 0 ]; then
  echo "quickstart.sh: not everything was right, see above; logs in $out/log" >&2
  exit 1
fi
echo "All of it was checked."
