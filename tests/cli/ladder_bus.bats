# The rungs of a ladder on the bus: readers of all kinds, and WebRTC viewers of a source with B-frames.
# ctest: timeout=300 processors=2
load ../support/common

RUNGS=(--rung "360p@500k,preset=superfast" --rung "180p@150k,preset=superfast")

# demo, with B-frames and sound, and its ladder. What is given goes to the ladder.
on_air() {
  start ingest stream-ingest --test-pattern --size 640x360 --name demo
  wait_for 20 stream-ctl status demo
  start ladder stream-ladder -i bus:demo -o hls/demo --segment 1s "${RUNGS[@]}" --bus --events "$T/laddered" "$@"
  wait_for 30 test -s hls/demo/master.m3u8
}

reads() { ffprobe -v error -show_entries stream=codec_name,width,has_b_frames -of compact=p=0:nk=1 "$1"; }

@test "a rung is recorded and sent on like any stream; without --low-delay it has B-frames" {
  on_air
  assert_equal "$(stat -c %a "$STREAM_RUNTIME_DIR/demo/rungs/180p.sock")" 600
  start record stream-record -i bus:demo/180p -o rec
  start small stream-record -i bus:demo/360p -o rec/large.mkv
  begun() { stream-ctl status "$1" --json | jq -e '[.tools[] | select(.recording)] != []' >/dev/null 2>&1 || [ -n "$(find rec -name "$2" -size +40k)" ]; }
  wait_for 20 begun demo-180p 'demo-180p*.mp4'
  wait_for 20 begun demo-360p 'large.mkv'
  readers() { stream-ctl status demo --json | jq -e '[.. | objects | select(has("bus_readers")) | .bus_readers] == [1, 1]' >/dev/null; }
  wait_for 10 readers
  timeout 2 socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/rungs/360p.sock" "OPEN:$T/360p.nut,creat" || true
  wait_for 10 has_event laddered reader.disconnected
  stop record
  assert_status 0
  stop small
  assert_status 0
  file=$(find rec -name 'demo-180p*.mp4')
  assert_equal "$(reads "$file" | sort | paste -sd' ')" "aac h264|320|2"
  assert_equal "$(reads rec/large.mkv | sort | paste -sd' ')" "aac h264|640|2"
  ffmpeg -nostdin -v error -xerror -i "$file" -f null -
  ffprobe -v error 360p.nut
  assert_json <(jq -s '[.[] | select(.event == "reader.connected") | .rung] | sort | unique' laddered) '. == ["180p", "360p"]'
  stop ladder
  assert_status 0
  [ ! -e "$STREAM_RUNTIME_DIR/demo/rungs" ]
}

@test "--low-delay: no B-frames; both rungs have the same times and keyframes" {
  on_air --low-delay
  times() { ffprobe -v error -select_streams v -show_entries packet=pts,dts,flags -of csv=p=0 "$1" | tr -d ' '; }
  for rung in 360p 180p; do
    start "$rung" socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/rungs/$rung.sock" "OPEN:$T/$rung.nut,creat"
  done
  large_enough() { [ "$(times 360p.nut | grep -c ,K)" -ge 4 ] && [ "$(times 180p.nut | grep -c ,K)" -ge 4 ]; }
  wait_for 30 large_enough
  stop 360p || true
  stop 180p || true
  for rung in 360p 180p; do
    times "$rung.nut" >"$rung.times"
    awk -F, '$1 != $2 { exit 1 }' "$rung.times"
    grep ,K "$rung.times" | cut -d, -f1 >"$rung.keys"
  done
  [ "$(comm -12 <(sort 360p.keys) <(sort 180p.keys) | wc -l)" -ge 3 ]
  comm -12 <(sort 360p.times) <(sort 180p.times) >both
  [ "$(wc -l <both)" -ge 90 ]
}

@test "what can't be: no name, another's rung, a rung that is not there, names that lead elsewhere" {
  run stream-ladder -i "$(clip flash_4s)" -o h --bus
  assert_status 2
  assert_output --name
  on_air
  run stream-ladder -i bus:demo --name demo -o other "${RUNGS[@]}" --bus
  assert_status 15
  run stream-record -i bus:demo/720p -o rec
  assert_status 7
  assert_output "bus:demo/720p" "bus:demo/360p"
  for name in demo/../x demo/ /360p demo/360p/x; do
    run stream-record -i "bus:$name" -o rec
    assert_status 2
  done
  run stream-ingest --test-pattern -o bus:demo/360p
  assert_status 2
  run stream-ladder __complete -- -i ""
  assert_output "bus:demo/180p"
}
