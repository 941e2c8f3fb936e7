# ctest: timeout=300 processors=2
# One stream out of several inputs, and readers that stay while a publisher is away. OUTAGE in the
# environment is how many seconds that takes (the bench asks for 20).
load ../support/common
load ../support/ingest

outage=${OUTAGE:-5}

# Plain tools as readers of the bus.
read_bus() {
  wait_for 10 test -S "$STREAM_RUNTIME_DIR/demo/media.sock"
  start "$1" socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/$1.nut,creat,trunc"
}

on_air() { [ "$(stream-ctl status demo --json | jq -r '.. | .on_air? | strings' | head -n 1)" = "$1" ]; }
switched_to() { jq -es "map(select(.event == \"input.switched\")) | last | .input == \"$1\"" "$T/events"; }
switches() { jq -rs 'map(select(.event == "input.switched") | .input) | join(" ")' "$T/events"; }
discontinuities() { jq -s 'map(select(.event == "media.discontinuity")) | length' "$T/events"; }

# publisher NAME KEY ARGUMENT...: the clip in real time; its connection is cut where it ends.
publisher() {
  local name=$1 key=$2
  shift 2
  start "$name" rtmp_peer.py publish "$port" "$key" "$(clip flash_flv)" --realtime --end hang --hang 0 "$@"
}

# in_sync CUT: each beep has its flash, though two of either may be close to one another where inputs change,
# and up to CUT beeps lost their beginning to a change.
in_sync() {
  flash_beep.py "$T/raw.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" \
    ". as \$all | [.beeps[] as \$b | [\$all.flashes[] - \$b | fabs] | min] | sort | length >= 12 and .[length - 1 - $1] <= 0.025 and max <= 0.06"
}

decodes_hls() {
  ffmpeg -nostdin -v error -i "$1" -f null - 2>"$T/hls.err"
  [ "$(ffprobe -v fatal -count_packets -select_streams v:0 -show_entries stream=nb_read_packets -of csv=p=0 "$1" | head -n 1)" -gt 390 ]
}

verb() { stream-ctl call demo ingest ingest.switch "$@"; }

@test "a publisher that comes back within the hold: one discontinuity, nothing but the outage is lost" {
  listen --open demo
  publisher first demo --until 4000
  read_bus raw
  start ladder stream-ladder -i bus:demo -o "$T/hls" --dvr all --rung 180p@200k,preset=ultrafast
  start record stream-record -i bus:demo -o "$T/rec"
  wait_for 20 has_event "$T/events" publisher.disconnected
  assert_equal "$(discontinuities)" 0
  local pid
  pid=$(pid raw)
  sleep "$outage"
  publisher second demo
  wait_exit second 30
  wait_for 10 has_events publisher.disconnected 2
  kill -0 "$pid"
  assert_equal "$(discontinuities)" 1
  stop ingest
  wait_exit raw
  order_is_good "$T/raw.nut"
  decodes "$T/raw.nut"
  # A GOP of the clip has 30 pictures; 4 s and 10 s were published.
  [ "$(packets "$T/raw.nut" v)" -ge 390 ]
  in_sync 0
  assert_equal "$(event_count reader.disconnected)" 3
}

@test "a text fills the outage, for plain readers, ladder and record" {
  listen --open demo --slate "Back soon"
  publisher first demo --until 4000
  read_bus raw
  start ladder stream-ladder -i bus:demo -o "$T/hls" --dvr all --rung 180p@200k,preset=ultrafast
  start record stream-record -i bus:demo -o "$T/rec"
  wait_for 20 switched_to slate
  wait_for 5 on_air slate
  sleep "$outage"
  publisher second demo
  wait_for 10 switched_to primary
  wait_exit second 30
  stop ingest
  wait_exit raw
  wait_exit ladder
  wait_exit record
  assert_equal "$(switches)" "primary slate primary slate"
  assert_equal "$(discontinuities)" 3
  assert_equal "$(event_count reader.connected)" 3
  order_is_good "$T/raw.nut"
  decodes "$T/raw.nut"
  less "$(biggest_gap "$T/raw.nut" v)" 0.3
  less "$(biggest_gap "$T/raw.nut" a)" 0.3
  # The slate is the stream's size, made up for every second of the outage, and silent.
  sizes=$(ffprobe -v fatal -select_streams v -show_entries frame=width -of csv=p=0 "$T/raw.nut" | tr -d , | sort -u | grep .)
  assert_equal "$sizes" 640
  [ "$(packets "$T/raw.nut" v)" -ge $((390 + outage * 30)) ]
  in_sync 2
  local file
  file=$(find "$T/rec" -name '*.mp4' | sort | tail -n 1)
  [ -n "$file" ]
  decodes_hls "$T/hls/master.m3u8"
}

@test "a picture and a film as slates" {
  ffmpeg -nostdin -v error -f lavfi -i color=red:s=200x200 -frames:v 1 "$T/red.png"
  ffmpeg -nostdin -v error -f lavfi -i color=lime:s=320x180:r=25:d=2 -f lavfi -i sine=800:d=2 "$T/film.mp4"
  local option
  for option in "--slate $T/red.png" "--fallback $T/film.mp4"; do
    rm -f "$T/events" "$T/raw.nut"
    # shellcheck disable=SC2086 # two words
    listen --open demo $option
    publisher first demo --until 3000
    read_bus raw
    wait_for 20 switched_to slate
    sleep 3
    stop ingest
    wait_exit raw
    decodes "$T/raw.nut"
    order_is_good "$T/raw.nut"
    # In the middle of the last picture.
    ffmpeg -nostdin -v error -i "$T/raw.nut" -map 0:v -vf crop=2:2,format=rgb24 -f rawvideo - | tail -c 3 |
      od -An -tu1 >"$T/colour"
    read -r r g b <"$T/colour"
    case $option in
      *red*) [ "$r" -gt 200 ] && [ "$g" -lt 60 ] ;;
      *) [ "$g" -gt 200 ] && [ "$r" -lt 60 ] ;;
    esac
    : "$b"
  done
}

@test "a backup takes over, the preferred input comes back, the operator chooses" {
  port=$(free_port)
  url=rtmp://127.0.0.1:$port/live
  start ingest stream-ingest --listen "$url" --name demo --events "$T/events" --input primary=rtmp \
    --input backup=rtmp:spare --stall 2s
  wait_for 10 has_event "$T/events" service.ready
  publisher spare spare
  wait_for 10 switched_to backup
  read_bus raw
  publisher first demo --until 3000
  wait_for 10 switched_to primary
  wait_for 10 switched_to backup
  verb '{"input":"nobody"}' && return 1
  assert_equal "$(switches)" "backup primary backup"
  wait_exit spare 30
  publisher spare2 spare
  wait_for 10 has_events media.discontinuity 3  # it is on air, before the preferred one comes
  publisher third demo
  wait_for 10 switched_to primary
  verb '{"input":"backup"}' >"$T/verb.json"
  wait_for 10 switched_to backup
  verb '{"input":"auto"}'
  wait_for 10 switched_to primary
  stream-ctl status demo --json >"$T/status.json"
  jq -e '[.. | .inputs? | arrays | .[] | select(.on_air)] | length == 1 and .[0].input == "primary"' "$T/status.json"
  wait_exit third 30
  stop ingest
  wait_exit raw
  order_is_good "$T/raw.nut"
  decodes "$T/raw.nut"
  # One mark for each change but the first, and one for the backup's second publisher on air.
  assert_equal "$(event_count input.switched)" 6
  assert_equal "$(event_count media.discontinuity)" 6
  less "$(biggest_gap "$T/raw.nut" v)" 0.2
  in_sync 2
}

@test "a file as backup, and readers are let go when the hold is over" {
  port=$(free_port)
  url=rtmp://127.0.0.1:$port/live
  start ingest stream-ingest --listen "$url" --name demo --events "$T/events" --input primary=rtmp \
    --input "backup=$(clip flash_4s)"
  wait_for 10 switched_to backup
  publisher first demo --until 2000
  wait_for 10 switched_to primary
  wait_for 10 switched_to backup
  stop ingest
  rm -f "$T/events"
  listen --open demo --hold 1s --slate "Gone"
  publisher second demo --until 2000
  read_bus raw
  wait_for 10 has_event "$T/events" media.ended
  wait_exit raw
  stop ingest
}

@test "inputs that make no sense are refused with what helps" {
  run stream-ingest --input primary=rtmp --name demo
  assert_status 2
  assert_output "nothing listens" --listen
  run stream-ingest --listen rtmp://127.0.0.1/live --name demo --input a=rtmp --input b=rtmp
  assert_status 2
  assert_output "take the same publishers" "b=rtmp:NAME"
  run stream-ingest --name demo --input slate=x.mp4
  assert_status 2
  assert_output "can't be called 'slate'"
  run stream-ingest --name demo --input "a=rtmp://h/app/abcdEFGH12345678ijkl"
  assert_status 2
  assert_output "@file:PATH"
  refute_output abcdEFGH12345678ijkl
}
