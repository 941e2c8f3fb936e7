# stream-ctl start and edit: streams in the background, and their files in an editor.
load ../support/common

life() { jq -r .state state/demo/stream.json; }

stream_file() {
  cat >s.yaml <<YAML
name: demo
input: {listen: "rtmp://127.0.0.1:$port/live", $1}
ladder: {output: hls, rungs: [180p@200k]}
serve: {listen: "http://127.0.0.1:0"}
YAML
}

@test "start: RTMP and WHIP at once, and a page that plays it over WebRTC" {
  port=$(free_port)
  whip=$(free_port)
  cat >s.yaml <<YAML
name: demo
input: {listen: ["rtmp://127.0.0.1:$port/live", "whip://127.0.0.1:$whip"], open: true, rtc_port: 0}
serve: {listen: "http://127.0.0.1:0", whep: true, rtc_port: 0, whip: "http://127.0.0.1:$whip"}
YAML
  stream-ctl check s.yaml
  stream-ctl start s.yaml --json --timeout 60s >start.json
  schema_check.py start.json
  assert_json start.json '[.publish[].kind] == ["rtmp", "whip"]'
  assert_equal "$(jq -r '.publish[1].server' start.json)" "http://127.0.0.1:$whip/demo/whip"
  code() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
  assert_equal "$(code -X OPTIONS "$(jq -r '.publish[1].server' start.json)")" 200
  # Nothing of it is on a disk.
  assert_json start.json '.playback | length == 1'
  page=$(jq -r '.playback[0]' start.json)
  assert_equal "$(code "$page")" 200
  assert_equal "$(code "${page%live}publish")" 200
  stream-ctl stop demo
  # Not open to others on any of its addresses, unless that is said.
  sed 's|whip://127.0.0.1|whip://0.0.0.0|' s.yaml >open.yaml
  run stream-ctl check open.yaml
  assert_status 6
  assert_output "0.0.0.0:$whip"
}

# An editor that does what sed -i does.
editor() { export EDITOR="sed -i $1"; }

@test "start: in the background, once; what it prints is where a publisher and a viewer come to" {
  port=$(free_port)
  stream_file "open: true"
  stream-ctl start s.yaml --json --timeout 60s >start.json
  schema_check.py start.json
  assert_json start.json '.started and .state == "ready" and .publish[0].key == "demo" and .media == "bus:demo"'
  stream-ctl start demo >again
  grep -qx "server:   rtmp://127.0.0.1:$port/live" again
  grep -qx "key:      demo" again
  assert_equal "$(stream_pids | while read -r pid; do tr '\0' '\n' <"/proc/$pid/cmdline" | head -n1; done | grep -c stream-ctl)" 1
  # The publisher and the viewer do just what it says.
  start publisher ffmpeg -v error -re -f lavfi -i testsrc2=size=320x180:rate=10 -c:v libx264 -preset ultrafast -tune zerolatency -g 10 \
    -f flv "$(jq -r '.publish[0] | .server + "/" + .key' start.json)"
  stream-ctl wait demo --for live --timeout 60s
  playlist() { curl -sf "$(jq -r '.playback[0]' start.json)master.m3u8" | grep -q '^#EXTM3U'; }
  wait_for 60 playlist
  stop publisher
  stream-ctl stop demo
  wait_for 5 none_running
  assert_equal "$(life)" completed
}

@test "start: listeners that take a free port are told as they are" {
  cat >s.yaml <<YAML
name: demo
input: {listen: ["rtmp://127.0.0.1:0/live", "whip://127.0.0.1:0"], open: true, rtc_port: 0}
YAML
  stream-ctl start s.yaml --json --timeout 60s >start.json
  stream-ingest endpoints demo --json >sheet.json
  assert_json start.json '[.publish[].server] | all(test(":[1-9][0-9]*/")) and (any(test(":(1935|8889)/")) | not)'
  assert_equal "$(jq -r '.publish[] | .server' start.json | paste -sd' ')" "$(jq -r '.endpoints[] | .server' sheet.json | paste -sd' ')"
  ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=160x90:rate=10:duration=1 -c:v libx264 -preset ultrafast -f flv \
    "$(jq -r '.publish[0] | .server + "/" + .key' start.json)"
  stream-ctl stop demo
}

@test "start: who may publish by a key file is told so, without a key" {
  port=$(free_port)
  stream-keys new demo --store "$T/secret/keys" >secret/key
  stream_file "key_file: $T/secret/keys"
  stream-ctl start s.yaml --json --timeout 60s >start.json
  schema_check.py start.json
  assert_json start.json ".publish[0].key == null and .publish[0].key_file == \"$T/secret/keys\""
  stream-ctl start demo >again
  refute grep -qF "$(cat secret/key)" again start.json state/demo/ctl.log
  stream-ctl stop demo
}

@test "start: what can't run is an error that says where the messages are" {
  printf 'name: demo\ninput: {listen: "rtmp://127.0.0.1:1/live", key_file: none}\n' >s.yaml
  run stream-ctl start s.yaml --timeout 60s
  assert_status 1
  assert_output "'demo' did not start" "state/demo/ctl.log"
  grep -q "$T/none" state/demo/ctl.log
  wait_for 5 none_running
  printf 'name: demo\ninput: {pul: none.mp4}\n' >s.yaml
  run stream-ctl start s.yaml
  assert_status 6
  assert_output "s.yaml:2:9"
  run stream-ctl start other
  assert_status 7
}

@test "edit: what is right is applied, what is wrong takes nothing's place" {
  printf 'name: demo\ntitle: One\ninput: {test_pattern: true}\n' >s.yaml
  chmod 640 s.yaml
  stream-ctl apply s.yaml
  editor s/One/Two/
  run stream-ctl edit demo
  assert_status 0
  assert_equal "$(jq -r .title state/demo/stream.json)" Two
  grep -q "title: Two" s.yaml
  assert_equal "$(stat -c %a s.yaml)" 640
  editor s/title/titel/
  run stream-ctl edit s.yaml
  assert_status 6
  assert_output "s.yaml.edit.yaml:2:1: unknown key 'titel'" "edit again"
  grep -q "title: Two" s.yaml
  # The next try goes on from there.
  EDITOR="sed --no-such" run stream-ctl edit demo
  assert_status 1
  editor 's/titel:.Two/title:\x20Three/'
  run stream-ctl edit demo
  assert_status 0
  assert_output "going on with"
  assert_equal "$(jq -r .title state/demo/stream.json)" Three
  [ ! -e s.yaml.edit.yaml ]
  editor s/demo/other/
  run stream-ctl edit demo
  assert_status 6
  assert_output "the file is of 'other' now"
  rm s.yaml.edit.yaml
  EDITOR=false run stream-ctl edit demo
  assert_status 1
  rm s.yaml s.yaml.edit.yaml
  editor s/Three/Four/
  run stream-ctl edit demo
  assert_status 0
  assert_equal "$(jq -r '.title + " " + .path' state/demo/stream.json)" "Four $T/state/demo/stream.yaml"
}
