# The page to publish from, in Chromium with its fake camera and microphone, by the keyboard, at 360 pixels.
# ctest: timeout=200 processors=2 lock=browser
load ../support/common
load ../support/ingest
load ../support/whip
load ../support/browser

# shellcheck disable=SC2154  # url is set by listen_whip
publisher_page() {
  stream-keys new demo --store keys >secret/key
  listen_whip --key-file keys --hold 0s "$@"
  serve hls --whip "$url"
  page=${site}demo/publish
}

publish() { node "$ROOT/tests/browser/publish.mjs" "$@" >page.json 2>page.err || fail "$(cat page.err)"; }

# A TURN server that writes down what it is asked, and the options that name it.
turn_server() {
  local address place
  address=$(own_address)
  [ -n "$address" ] || skip "no address but loopback"
  start turn turn_listener.py "$address"
  wait_for 5 test -s turn.out
  place=$address:$(head -n 1 turn.out)
  (umask 077 && printf north >secret/turn)
  turn=(--ice-server "stun:$place" --ice-server "turn:$place?transport=udp" --turn-secret @file:secret/turn)
}
asked() { tail -n +2 turn.out | jq -es "any($1)" >/dev/null; }

@test "an invitation link: live by one key, levels and figures shown, muted, ended" {
  turn_server
  publisher_page "${turn[@]}"
  start page node "$ROOT/tests/browser/publish.mjs" "$page#key=$(cat secret/key)" --seconds 6
  wait_for 40 has_event events track.added
  start reader stream-record -i bus:demo -o rec
  wait_exit page 60
  assert_equal "$status" 0
  wait_exit reader
  assert_json page.out '.errors == [] and (.overflow | not) and .devices[0] > 0 and .devices[1] > 0'
  # What came behind the # is not in the address any more.
  assert_json page.out '.address | endswith("/demo/publish")'
  asked '.method == "binding"' || fail "nobody asked for the address: $(cat turn.out)"
  assert_json page.out '.level > 0.01 and .muted == "true"'
  assert_json page.out '.figures | test("^[1-9][0-9]* kbit/s, [1-9][0-9]* pictures/s")'
  file=$(echo rec/*.mp4)
  assert_equal "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$file" | paste -sd,)" h264,opus
  less 60 "$(packets "$file" v)"
  decodes "$file"
  # The picture moves; the sound is there, and after the muting is not.
  assert_equal "$(sights "$file")" silence_start
}

@test "where nothing comes through, the TURN server is asked, by the login of the day" {
  turn_server
  # One that connects at once asks for no relay. Nobody is at the port that this one is told.
  publisher_page "${turn[@]}" --rtc-address 127.0.0.1:9
  start page node "$ROOT/tests/browser/publish.mjs" "$page#key=$(cat secret/key)" --seconds 6
  wait_for 40 asked '.method == "allocate" and (.name // "" | test("^[0-9]{10}$"))'
  stop page
}

@test "a wrong key: the page says so, waits at the field and does not try again" {
  publisher_page
  publish "$page" --wrong nonsense
  assert_json page.json '.errors == [] and (.refused | length) > 0'
  assert_equal "$(event_count publisher.refused)" 1
}

@test "without --whip there is no such page; its address is checked" {
  serve hls
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' "${site}demo/publish")" 404
  run stream-serve --hls hls --whip "http://127.0.0.1:1/'; script-src *"
  assert_status 2
}
