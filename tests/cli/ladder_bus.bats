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

@test "without -o: the rungs are live, nothing is written, and who reads them is told" {
  start ingest stream-ingest --test-pattern --size 640x360 --name demo
  wait_for 20 stream-ctl status demo
  mkdir empty
  cd empty
  start ladder stream-ladder -i bus:demo --segment 1s "${RUNGS[@]}" --bus --low-delay --events "$T/laddered"
  cd ..
  wait_for 30 has_event laddered service.ready
  wait_for 20 test -S "$STREAM_RUNTIME_DIR/demo/rungs/180p.sock"
  start small stream-record -i bus:demo/180p -o rec
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/rungs/360p.sock" "OPEN:$T/360p.nut,creat"
  large_enough() { [ -n "$(find rec -name 'demo-180p*.mp4' -size +60k)" ] && [ "$(stat -c %s 360p.nut)" -gt 200000 ]; }
  wait_for 30 large_enough
  stream-ctl graph demo >graph.txt
  pid=$(pid small)
  for line in '180p: [0-9]* kbit/s, 1 reader$' "stream-record of demo-180p, process $pid\$" \
    '360p: [0-9]* kbit/s, 1 reader$' "socat[0-9]*, process $(pid reader)\$"; do
    grep -q -- "$line" graph.txt || fail "no $line in $(cat graph.txt)"
  done
  # Below its rung.
  assert_equal "$(grep -A1 ' 180p:' graph.txt | grep -c stream-record)" 1
  stream-ctl graph demo --json >graph.json
  schema_check.py graph.json
  assert_json graph.json ".edges | any(.from == \"rendition 180p\" and .to == \"reader $pid\" and .flows)"
  stream-ctl status demo ladder --json >status.json
  assert_json status.json '.tools[0] | .output == null and (.plan != null) and .audio.packets > 50 and .audio.average_bps > 5000
    and ([.rungs[].segments_listed] == [null, null]) and ([.rungs[].bus_readers] == [1, 1])
    and all(.rungs[]; .average_bps > 30000 and .peak_bps >= .average_bps and .bus.sent_bytes > 60000 and .bus.dropped_packets == 0)'
  assert_json status.json ".tools[0].rungs | map(select(.name == \"180p\"))[0].bus.readers[0].pid == $pid"
  stream-ctl metrics demo >m.txt
  exposition_check.py m.txt
  grep -qx 'stream_rendition_bus_readers{stream="demo",rendition="180p"} 1' m.txt
  awk -F'} ' '/^stream_rendition_bus_sent_bytes_total/ { n++; if ($2 < 60000) exit 1 } END { exit n != 2 }' m.txt
  stop small
  assert_status 0
  stop reader || true
  left() { stream-ctl status demo ladder --json | jq -e '[.tools[0].rungs[].bus_readers] == [0, 0]' >/dev/null; }
  wait_for 10 left
  stop ladder
  assert_status 0
  assert_equal "$(find empty | wc -l)" 1
  assert_json <(jq -s '[.[].event] | unique' laddered) 'index("segment.written") == null and index("rung.started") != null'
  assert_equal "$(jq -r 'select(.event == "exit").code' laddered)" 0
  file=$(find rec -name 'demo-180p*.mp4')
  assert_equal "$(reads "$file" | sort | paste -sd' ')" "aac h264|320|0"
  ffmpeg -nostdin -v error -xerror -i "$file" -f null -
}

@test "without -o: what is said of files is refused, and so is sound alone" {
  run stream-ladder -i bus:demo
  assert_status 2
  assert_output "neither --output nor --bus" "-o DIR"
  for option in '--dvr all' '--format ts' '--date 2026-11-20T10:00:00Z'; do
    # shellcheck disable=SC2086  # two words
    run stream-ladder -i bus:demo --bus $option
    assert_status 2
    assert_output "$option is said of HLS" "add -o DIR, or leave"
  done
  ffmpeg -nostdin -v error -f lavfi -i sine=duration=2 -c:a aac sound.mp4
  run stream-ladder -i sound.mp4 --name sound --bus
  assert_status 12
  assert_output "no picture" "-o DIR"
  run stream-ladder -n -i "$(clip flash_4s)" --name film --bus --json
  assert_status 0
  [ ! -e film ]
}

@test "without -o: one that is killed is started again, and its readers go on" {
  cat >s.yaml <<END
name: demo
input: {test_pattern: true, size: 640x360}
ladder: {rungs: ["360p@500k,preset=superfast", "180p@150k,preset=superfast"], bus: true, low_delay: true, segment: 1s}
serve: {listen: "http://127.0.0.1:0", whep: true, rtc_port: 0}
END
  run stream-ctl check s.yaml
  assert_status 0
  start up stream-ctl up s.yaml --restart-delay 100ms --events "$T/events"
  rung_is_live() { timeout 5 ffprobe -v error -show_entries stream=width -of csv=p=0 "unix:$STREAM_RUNTIME_DIR/demo/rungs/180p.sock" 2>/dev/null | grep -q 320; }
  wait_for 40 rung_is_live
  stream-ctl start s.yaml --json >start.json
  assert_json start.json '.playback | length == 1 and (.[0] | endswith("/demo/live"))'
  start record stream-record -i bus:demo/180p --follow -o rec --gap 30s
  # shellcheck disable=SC2012
  recorded() { [ "$(find rec -name '*.mp4' -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }')" -gt "$1" ]; }
  wait_for 30 recorded 60000
  kill -9 "$(stream-ctl status demo ladder --json | jq .tools[0].pid)"
  started_again() { [ "$(jq -s '[.[] | select(.event == "process.ready" and .program == "stream-ladder")] | length' events)" -ge 2 ]; }
  wait_for 30 started_again
  recorded_now=$(find rec -name '*.mp4' -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }')
  wait_for 30 recorded $((recorded_now + 40000))
  stop record
  assert_status 0
  find . -name '*.m3u8' -o -name '*.m4s' | grep -q . && fail "files were written"
  stop up
  assert_status 0
}
