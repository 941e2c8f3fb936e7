# What stands in the sections of a stream file is what the programs do.
# ctest: timeout=180
load ../support/common
load ../support/whole_stream

@test "who may see a stream is known before there is anything to see, and follows the file" {
  printf '%s\n' 'name: demo' 'input: {test_pattern: true, size: 320x180, rate: 10, bit_rate: 100k}' \
    'ladder: {output: hls/demo, rungs: 180p@100k}' 'visibility: {visible: false, public: false, allow: [anna]}' >s.yaml
  mkdir hls
  : >hls/demo # no directory can be there
  up
  wait_for 10 has_event events stream.live
  wait_for 10 grep -q 'rights of .demo. could not be written' up.err
  assert_equal "$(count ladder)" 0
  rm hls/demo
  wait_for 20 test -s hls/demo/master.m3u8
  schema_check.py hls/demo/rights.json
  assert_json hls/demo/rights.json '.hidden and .visibility == "private" and .allow == ["anna"]'
  [ hls/demo/rights.json -ot hls/demo/master.m3u8 ]
  sed -i 's/^visibility.*/visibility: {public: false, owner: otto}/' s.yaml
  stream-ctl apply s.yaml
  rights_are() { jq -e "$1" hls/demo/rights.json >/dev/null; }
  wait_for 5 rights_are '(.hidden | not) and .visibility == "private" and .allow == [] and .owner == "otto"'
  stream-ctl show demo | grep -A2 '^visibility:' | grep -q 'owner: otto'
  sed -i '/^visibility/d' s.yaml
  stream-ctl apply s.yaml
  wait_for 5 rights_are '.visibility == "public"'
  assert_equal "$(jq -s '[.[] | select(.event == "process.started" and .program == "stream-ladder")] | length' events)" 1
  stop up
  assert_status 0
}

@test "who may see a stream over WebRTC alone is known before it is served" {
  cat >s.yaml <<END
name: demo
input: {test_pattern: true, size: 320x180, rate: 10, bit_rate: 100k}
serve: {listen: "http://127.0.0.1:0", hls: pages, whep: true, rtc_port: $(free_port)}
visibility: {public: false, allow: [anna]}
END
  mkdir -p pages
  : >pages/demo # no directory can be there
  up
  wait_for 10 grep -q 'rights of .demo. could not be written' up.err
  assert_equal "$(count serve)" 0
  rm pages/demo
  wait_for 20 in_state serve running
  assert_json pages/demo/rights.json '.visibility == "private" and .allow == ["anna"]'
  url=$(stream-ctl status demo serve --json | jq -r '.tools[0].url')
  code=$(curl -s -o answer -w '%{http_code}' -X POST -H 'Content-Type: application/sdp' --data 'v=0' "${url}demo/whep")
  [[ "$code" == 40[134] ]] || fail "answered with $code: $(cat answer)"
  stop up
  assert_status 0
}

@test "several inputs, a slate and a recording in parts, all from the file" {
  port=$(free_port)
  cp "$(clip flash_4s)" film.mp4
  cat >s.yaml <<END
name: demo
input:
  listen: "rtmp://127.0.0.1:$port/live"
  open: true
  inputs: [encoder=rtmp, film=film.mp4]
  slate: Back soon
  stall: 1s
record: {output: rec, split: 2s, thumbnail: 1s}
END
  up
  wait_for 20 port_open "$port"
  start publisher ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_flv)" -c copy -f flv "rtmp://127.0.0.1:$port/live/demo"
  shown() { stream-ctl status demo ingest --json | jq -e --arg name "$1" '[.. | objects | select(.on_air == true)] | any(.input == $name)' >/dev/null; }
  wait_for 20 shown encoder
  wait_for 10 in_state record running
  stop publisher KILL
  wait_for 10 shown film
  parts() { [ "$(find rec -name '*.mp4' | wc -l)" -ge 3 ]; }
  wait_for 20 parts
  assert_equal "$(life)" live
  stop up
  assert_status 0
  assert_json "$(ls rec/*.json)" '.complete and (.files | length) >= 3 and (.files[0].thumbnails != null)'
}
