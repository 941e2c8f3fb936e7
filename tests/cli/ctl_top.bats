# stream-ctl top and graph: a whole stream, watched on a terminal and by scripts.
load ../support/common
load ../support/terminal

teardown() {
  for socket in "$T"/*.tmux; do
    if [ -S "$socket" ]; then tmux -S "$socket" kill-server; fi
  done
  stream_teardown
}

up() {
  cat >s.yaml <<END
name: demo
input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}
record: {output: rec}
ladder: {output: hls/demo, rungs: [160x90@100k]}
destinations: {none: "rtmp://127.0.0.1:1/app/x"}
END
  start up stream-ctl up s.yaml --restart-delay 100ms
  wait_for 30 all_run
}
all_run() {
  stream-ctl metrics demo >m.txt
  [ "$(grep -c '^stream_program_running{.*} 1$' m.txt)" = 5 ] && grep -q '^stream_destination_up' m.txt &&
    grep -q '^stream_rendition' m.txt && grep -q '^stream_record_active.* 1$' m.txt
}

@test "top for scripts: a line per interval, valid, with rates from the second on" {
  up
  stream-ctl top demo --interval 300ms --count 3 >top.ndjson
  assert_equal "$(wc -l <top.ndjson)" 3
  tail -n1 top.ndjson >last.json
  schema_check.py last.json
  assert_json last.json '[.rows[] | select(.kind == "program").program] == ["stream-ctl", "stream-ingest", "stream-ladder", "stream-record", "stream-simulcast"]'
  assert_json last.json '.rows[] | select(.kind == "rung") | .name == "90p" and .program == "stream-ladder"'
  assert_json last.json '.rows[] | select(.kind == "destination") | .name == "none" and .state != "live"'
  assert_json last.json '[.rows[] | select(.kind == "program") | .cpu_ratio >= 0 and .memory_bytes > 1000000] | all'
  run stream-ctl top nobody --count 1
  assert_status 7
  run stream-ctl top --interval 1ms
  assert_status 2
  stream-ctl top --count 1 --interval 100ms --json | head -n1 >/dev/null
}

@test "graph: as text, for Graphviz, as JSON" {
  up
  stream-ctl graph demo >graph.txt
  grep -qx 'publisher: live, test -->' graph.txt
  grep -q '^+-> bus:demo: 3 readers$' graph.txt
  for word in '+-> stream-ladder' '+-> 90p' '+-> stream-record' '+-> stream-simulcast' '+-x none'; do
    grep -qF -- "$word" graph.txt || fail "no $word in $(cat graph.txt)"
  done
  stream-ctl graph demo --json >graph.json
  schema_check.py graph.json
  assert_json graph.json '[.edges[] | select(.from == "bus" and .flows).to] | sort == ["ladder", "record", "simulcast"]'
  stream-ctl graph demo --dot >graph.dot
  if command -v dot >/dev/null; then dot -Tsvg graph.dot >/dev/null; fi
  run stream-ctl graph nobody
  assert_status 7
}

@test "top on a terminal: the table, keys, sizes, and the terminal as it was" {
  up
  screen_start top 80x24 stream-ctl top --interval 300ms
  wait_for 20 screen_shows top 'stream-record *recording'
  screen_text top >shown
  grep -q '^STREAM  *STATE  *CPU%  *MEMORY  *RATE  *QUEUE  *DROPS' shown
  grep -qx 'demo' shown
  grep -q '^    90p  *encoding' shown
  grep -q '^    none ' shown
  grep -q '^s sort' shown
  screen_keys top s
  wait_for 10 screen_shows top 'by cpu'
  screen_keys top p
  wait_for 10 screen_shows top 'PAUSED'
  screen_keys top p s s s s
  wait_for 10 screen_shows top 'by name'
  screen_tmux top resize-window -x 120 -y 40
  wait_for 10 screen_shows top 'DETAIL'
  # The recorder is the fourth of the programs.
  before=$(stream-ctl status demo record --json | jq '.tools[0].pid')
  screen_keys top Down Down Down r
  wait_for 10 screen_shows top 'restart stream-record of demo?'
  screen_keys top y
  restarted() { [ "$(stream-ctl status demo record --json | jq '.tools[0].pid')" -ne "$before" ]; }
  wait_for 20 restarted
  screen_keys top q
  wait_for 10 screen_shows top 'ended 0'
  refute screen_shows top -- '-icanon'
}

@test "top restores the terminal when it is ended by a signal" {
  mkdir hls
  start serve stream-serve --hls hls --name demo --listen http://127.0.0.1:0
  wait_for 10 stream-ctl status demo
  for signal in TERM HUP; do
    screen_start "$signal" 80x24 stream-ctl top
    wait_for 20 screen_shows "$signal" 'stream-serve'
    pkill -"$signal" -P "$(screen_tmux "$signal" display-message -p '#{pane_pid}')" stream-ctl
    wait_for 10 screen_shows "$signal" 'ended 0'
    refute screen_shows "$signal" '-icanon'
  done
}
