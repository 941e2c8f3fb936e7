# stream-ctl against a program that serves a stream.
load ../support/common

serve() {
  mkdir -p hls
  start "$1" stream-serve --hls hls --name "$1" --listen http://127.0.0.1:0
  wait_for 5 stream-ctl status "$1"
}

@test "list: nothing, then what is live" {
  run --separate-stderr stream-ctl list --no-header
  assert_status 0
  assert_equal "$output" ""
  serve demo
  serve other
  run stream-ctl list --fields name,tools,state
  assert_equal "${lines[0]}" "NAME   TOOLS  STATE"
  assert_equal "${lines[1]}" "demo   serve  running"
  assert_equal "${lines[2]}" "other  serve  running"
  stream-ctl list --json >list.json
  schema_check.py list.json
  assert_json list.json '.schema == "stream.ctl.list/1" and [.streams[].name] == ["demo", "other"] and .streams[0].tools[0].tool == "stream-serve"'
  run stream-ctl list --fields name,shoe
  assert_status 2
  assert_output "'shoe' is not one of"
}

@test "status: of a stream, of one program of it" {
  serve demo
  run stream-ctl status demo
  assert_status 0
  assert_output "stream-serve: running" "url: http://127.0.0.1:"
  stream-ctl status demo serve --json >status.json
  schema_check.py status.json
  assert_json status.json '.schema == "stream.ctl.status/1" and .stream == "demo" and .tools[0].schema == "stream.status/1" and (.tools[0].pid > 0) and .failed == []'
  run stream-ctl status demo stream-serve
  assert_status 0
}

@test "a name or program that does not run: 7, and the live ones are named" {
  run stream-ctl status demo
  assert_status 7
  assert_output "no stream 'demo' is running" "nothing is live"
  serve demo
  run stream-ctl status dmo
  assert_status 7
  assert_output "live: demo"
  run stream-ctl stop demo ladder
  assert_status 7
  assert_output "running: serve"
  run stream-ctl status ../demo
  assert_status 2
  assert_output "not a stream name"
  stream-ctl status none --json 2>errors >plain || status=$?
  assert_status 7
  [ ! -s plain ]
  tail -n1 errors >error.json
  assert_json error.json '.error.id == "stream.absent" and .error.code == 7'
}

@test "a dead program's socket is no live stream" {
  serve demo
  kill -KILL "$(pid demo)"
  wait_exit demo
  [ -S "$STREAM_RUNTIME_DIR/demo/serve.sock" ]
  run stream-ctl status demo
  assert_status 7
  serve demo
  run stream-ctl status demo
  assert_status 0
}

@test "two programs do not take one name" {
  serve demo
  run stream-serve --hls hls --name demo --listen http://127.0.0.1:0
  assert_status 15
  assert_output "is live already" "$(pid demo)"
  run stream-ctl status demo
  assert_status 0
}

@test "stop: the program ends with 0 and its socket is gone; a dry run does nothing" {
  serve demo
  stream-ctl stop demo --dry-run --json >plan.json
  schema_check.py plan.json
  assert_json plan.json '.dry_run and .tools == ["serve"]'
  running demo
  run stream-ctl stop demo
  assert_status 0
  assert_output "demo: stopped serve"
  wait_exit demo 5
  assert_status 0
  [ ! -e "$STREAM_RUNTIME_DIR/demo" ]
  run stream-ctl stop demo
  assert_status 7
}

@test "stop: a program that does not end in time is named" {
  serve demo
  kill -STOP "$(pid demo)"
  run stream-ctl stop demo --timeout 300ms
  assert_status 124
  assert_output "serve of 'demo' still runs after 300ms"
  run stream-ctl list
  assert_output "silent"
  kill -CONT "$(pid demo)"
}

@test "events: as lines of JSON until the program ends; --follow waits for the next" {
  serve demo
  start events stream-ctl events demo
  start follow stream-ctl events demo --follow
  poke() { stream-ctl status demo; curl -s "$(jq -r '.tools[0].url' <(stream-ctl status demo --json))"; grep -q request.served "$T/$1.out"; }
  wait_for 5 poke events
  wait_for 5 poke follow
  stop demo
  assert_status 0
  wait_exit events 5
  assert_status 0
  tail -n1 events.out >last.json
  schema_check.py last.json
  assert_json last.json '.event == "exit" and .code == 0 and .stream == "demo" and .schema == "stream.event/1"'
  running follow
  serve demo
  wait_for 5 poke follow
}

@test "the socket speaks to socat as well" {
  serve demo
  socket=$STREAM_RUNTIME_DIR/demo/serve.sock
  echo '{"jsonrpc":"2.0","id":7,"method":"status"}' | socat - "UNIX-CONNECT:$socket" >answer.json
  assert_json answer.json '.id == 7 and .result.state == "running"'
  assert_equal "$(stat -c %a "$socket")" 600
  assert_equal "$(stat -c %a "${socket%/*}")" 700
  stream-ctl call demo serve status '{}' >call.json
  schema_check.py call.json
  assert_json call.json '.tool == "stream-serve"'
  run stream-ctl call demo serve no.such
  assert_status 1
  assert_output "no method 'no.such'"
  run stream-ctl call demo serve status nonsense
  assert_status 2
}

@test "another user is not answered" {
  [ "$(id -u)" = 0 ] || skip "needs root"
  serve demo
  chmod 0711 "$STREAM_RUNTIME_DIR" "$STREAM_RUNTIME_DIR/demo"
  chmod 0666 "$STREAM_RUNTIME_DIR/demo/serve.sock"
  run setpriv --reuid=65534 --regid=65534 --clear-groups \
    socat -T 2 - "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/serve.sock" <<<'{"id":1,"method":"stop"}'
  refute_output "stopping"
  running demo
  run stream-ctl status demo
  assert_status 0
}
