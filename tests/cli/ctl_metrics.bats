# stream-ctl metrics: Prometheus text of what runs, once and for a scraper; dashboards and alert rules.
load ../support/common

live_stream() {
  cat >s.yaml <<END
name: demo
input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}
record: {output: rec}
ladder: {output: hls/demo, rungs: [160x90@100k]}
serve: {listen: "http://127.0.0.1:0"}
destinations: {none: "rtmp://127.0.0.1:1/app/x"}
END
  mkdir -p hls/demo
  start up stream-ctl up s.yaml --restart-delay 100ms
  wait_for 30 all_programs
}
all_programs() {
  stream-ctl metrics demo >m.txt
  [ "$(grep -c '^stream_program_running{.*} 1$' m.txt)" = 6 ] && grep -q '^stream_destination_up' m.txt &&
    grep -q '^stream_rendition_pictures_total{stream="demo",rendition="90p"} [1-9]' m.txt
}
serve() { # serve NAME
  mkdir -p hls
  start "$1" stream-serve --hls hls --name "$1" --listen http://127.0.0.1:0
  wait_for 10 stream-ctl status "$1"
}
scraper() { # scraper [NAME]: sets $url
  start scraper stream-ctl metrics "$@" --listen http://127.0.0.1:0 --interval 200ms
  wait_for 10 grep -q 'metrics on' scraper.err
  url=$(grep -o 'http://[^/]*' scraper.err)
}
code() { curl -s -m 5 -o body -w '%{http_code}' "$url$1"; }
answers() { [ "$(code "$1")" = "$2" ]; }

@test "with nothing running: every family, no program" {
  stream-ctl metrics >m.txt
  exposition_check.py m.txt
  refute grep -q '^stream_program_up' m.txt
  run stream-ctl metrics demo
  assert_status 7
  run stream-ctl metrics ../demo
  assert_status 2
}

@test "a whole stream: each program's samples, as text and as JSON" {
  live_stream
  exposition_check.py m.txt
  for line in 'stream_ingest_live{stream="demo"} 1' 'stream_input_on_air{stream="demo",input="main"} 1' \
    'stream_destination_up{stream="demo",destination="none"} 0' 'stream_supervisor_live{stream="demo"} 1' \
    'stream_supervised_up{stream="demo",program="stream-record"} 1'; do
    grep -qxF "$line" m.txt || fail "no $line in $(grep -v '^#' m.txt)"
  done
  grep -q '^stream_record_media_seconds_total{stream="demo"} ' m.txt
  grep -q '^stream_serve_streams{stream="demo"} ' m.txt
  awk '/^stream_process_resident_memory_bytes/ { n++; if ($2 < 1000000) exit 1 } END { exit n != 6 }' m.txt
  stream-ctl metrics demo --json >m.json
  schema_check.py m.json
  assert_json m.json '[.samples[] | select(.name == "stream_program_up").labels.program] | length == 6'
  # What a program says of itself is made by the same.
  stream-ctl call demo simulcast metrics | jq -j .text >own.txt
  exposition_check.py own.txt
  grep -qxF 'stream_destination_up{stream="demo",destination="none"} 0' own.txt
  stop up
}

@test "for a scraper: metrics, livez, readyz, and nothing else" {
  serve one
  scraper
  wait_for 10 answers /metrics 200
  exposition_check.py body
  grep -qxF 'stream_program_up{stream="one",program="stream-serve"} 1' body
  assert_equal "$(curl -s -o /dev/null -w '%{content_type}' "$url/metrics")" "text/plain; version=0.0.4; charset=utf-8"
  assert_equal "$(code /livez)" 200
  wait_for 5 answers /readyz 200
  assert_equal "$(code /)" 404
  assert_equal "$(code /metrics/../etc/passwd)" 404
  if command -v promtool >/dev/null; then curl -s "$url/metrics" | promtool check metrics; fi
  stop scraper
  assert_status 0
}

@test "a program that hangs is down, holds nobody up, and makes it unready" {
  serve one
  serve two
  scraper
  wait_for 5 answers /readyz 200
  kill -STOP "$(pid one)"
  wait_for 10 answers /readyz 503
  grep -q 'one stream-serve: no answer in time' body
  is_down() {
    curl -s "$url/metrics" >body && grep -qxF 'stream_program_up{stream="one",program="stream-serve"} 0' body
  }
  wait_for 10 is_down
  grep -qxF 'stream_program_up{stream="two",program="stream-serve"} 1' body
  assert_equal "$(code /livez)" 200
  stream-ctl metrics >once.txt
  grep -qxF 'stream_program_up{stream="two",program="stream-serve"} 1' once.txt
  kill -CONT "$(pid one)"
  wait_for 10 answers /readyz 200
}

@test "readyz of a stream: only once its media flows" {
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$(free_port)/live" --open demo
  scraper demo
  wait_for 5 answers /readyz 503
  wait_for 5 grep -q 'demo: no media flows' body
}

@test "dashboards and alert rules name only metrics that exist" {
  stream-ctl metrics | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' | sort >there
  dir=$ROOT/examples/observability
  jq -r '.panels[].targets[].expr, .templating.list[].query' "$dir"/grafana_*.json >exprs
  sed -n 's/^ *expr: //p' "$dir/alerts.yaml" >>exprs
  grep -oE 'stream_[a-z_]+' exprs | sort -u >named
  [ "$(wc -l <named)" -gt 20 ]
  assert_equal "$(comm -13 there named)" ""
  # Counters, and counters alone, are looked at by what they grow.
  grep -oE '(rate|increase)\(stream_[a-z_]+' exprs >grows
  refute grep -v '_total$' grows
}
