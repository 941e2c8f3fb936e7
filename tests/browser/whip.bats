# Chromium publishes its fake camera and microphone by WHIP: what comes out moves and sounds.
# ctest: timeout=200 processors=2 lock=browser
load ../support/common
load ../support/ingest
load ../support/whip
load ../support/browser

# shellcheck disable=SC2154  # url is set by listen_whip
@test "Chromium: camera and microphone, with a key, over the bus" {
  stream-keys new demo --store keys >secret/key
  listen_whip --key-file keys --hold 0s
  start page node "$ROOT/tests/browser/whip.mjs" "$url/demo/whip" --key-file secret/key --seconds 7
  wait_for 30 has_event events track.added
  start reader stream-record -i bus:demo -o rec
  wait_exit page 30
  mv page.out page.json
  wait_exit reader
  assert_json page.json '.status == 201 and .patched == 204 and .deleted == 200 and (.states | index("connected"))'
  # What is told of arrivals lets it rise from the 300 kbit/s that browsers begin with, and PLI makes key frames for
  # who joins.
  assert_json page.json '.rates | max > 400'
  assert_json page.json '[.figures[] | select(.kind == "video")][0] | .keys >= 3'
  file=$(echo rec/*.mp4)
  assert_equal "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$file" | paste -sd,)" h264,opus
  less 60 "$(packets "$file" v)"
  less 200 "$(packets "$file" a)"
  decodes "$file"
  # Not black, not frozen, not silent.
  assert_equal "$(sights "$file")" ""
  assert_event publisher.connected '.protocol == "whip" and (.encoder | test("Chrom"))'
}

# published ARGUMENT...: Chromium publishes until it is done, and so is the ingest.
# shellcheck disable=SC2154  # url is set by listen_whip
published() {
  start page node "$ROOT/tests/browser/whip.mjs" "$url/demo/whip" "$@"
  wait_exit page 50
  stop ingest
}

# How much of the time from the first sound of a file to its last is sound, in percent.
sounding() {
  ffprobe -v error -select_streams a -show_entries packet=pts_time,duration_time -of csv=p=0 "$1" |
    awk -F, 'NR == 1 { from = $1 } { to = $1 + 0.02; sum += 0.02 } END { printf "%d", 100 * sum / (to - from) }'
}

@test "Chromium over a way that loses 8 %: each packet of sound repeats the one before, and few are missed" {
  listen_lossy 'delay=10ms loss=8%' --open demo --hold 0s -o "$T/out.nut"
  published --seconds 8
  less 300 "$(packets out.nut a)"
  less 97 "$(sounding out.nut)"
  decodes out.nut
}

@test "Chromium in two sizes: the larger one is taken" {
  listen_whip --open demo --hold 0s -o "$T/out.nut"
  published --seconds 9 --layers 1
  assert_json page.out '.status == 201 and ([.figures[] | select(.kind == "video" and .bytes > 10000).rid] | sort) == ["h", "l"]'
  assert_equal "$(ffprobe -v error -select_streams v -show_entries frame=width -of csv=p=0 out.nut | tail -n 1)" 640
  less 60 "$(packets out.nut v)"
  decodes out.nut
}

@test "Chromium restarts ICE: new credentials, and nothing is missed" {
  listen_whip --open demo --hold 0s -o "$T/out.nut"
  published --seconds 6 --restart 1
  assert_json page.out '.again.status == 200 and .again.before != .again.after and (.states | index("disconnected") == null)'
  # One session, and sound until its end.
  assert_equal "$(event_count publisher.connected)" 1
  less 280 "$(packets out.nut a)"
  less 95 "$(sounding out.nut)"
  decodes out.nut
}

@test "Chromium with a wrong key reads why" {
  stream-keys new demo --store keys >secret/key
  listen_whip --key-file keys
  printf wrong >wrong
  node "$ROOT/tests/browser/whip.mjs" "$url/demo/whip" --key-file wrong >page.json 2>page.err || fail "$(cat page.err)"
  assert_json page.json '.status == 401 and (.body | test("Bearer KEY"))'
}

@test "Chromium where UDP does not pass: by TCP to the same number" {
  rtc=$(free_udp) relay=$(free_port)
  stream-keys new demo --store keys >secret/key
  start relay stream-fault tcp "127.0.0.1:$relay" "127.0.0.1:$rtc"
  wait_for 5 port_open "$relay"
  RTC_PORT=$rtc listen_whip --key-file keys --hold 0s --rtc-address "127.0.0.1:$relay" --name demo -o out.nut
  published --key-file secret/key --seconds 4
  assert_json page.out '.status == 201 and (.states | index("connected"))'
  less 30 "$(packets out.nut v)"
  less 50 "$(packets out.nut a)"
  decodes out.nut
}
