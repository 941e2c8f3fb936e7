# ctest: timeout=120
# stream-ingest endpoints: what is typed into encoders is what lets them in.
load ../support/common
load ../support/ingest

@test "from addresses: places for secrets, secrets only with --reveal" {
  (umask 077 && echo "$CANARY" >"$T/secret/key")
  sheet() {
    stream-ingest endpoints demo --listen rtmp://0.0.0.0:1935/live --listen rtmps://:1936/live \
      --listen 'srt://:9000?latency=200ms' --host live.example.org --key "@file:$T/secret/key" "$@"
  }
  run sheet
  assert_status 0
  assert_output 'rtmp://live.example.org:1935/live' 'stream key' '<key>' 'rtmps://live.example.org:1936/live' \
    'srt://live.example.org:9000?mode=caller&streamid=<key>&latency=200000' '200 ms'
  refute_output "$CANARY"
  run sheet --reveal
  assert_output "rtmp://live.example.org:1935/live/$CANARY" "streamid=$CANARY"
  sheet --json >"$T/sheet.json"
  schema_check.py "$T/sheet.json"
  assert_json "$T/sheet.json" '[.endpoints[].protocol] == ["rtmp", "rtmps", "srt"] and .endpoints[0].key == "<key>"
    and (.revealed | not) and [.endpoints[].encrypted] == [false, true, false]'
  run stream-ingest endpoints demo --listen rtmp://:1935/live --key not-a-source
  assert_status 2
  refute_output not-a-source
}

@test "nothing runs: said, with what to do" {
  run stream-ingest endpoints demo
  assert_status 7
  assert_output demo --listen
}

@test "what a running instance says lets ffmpeg in, over RTMP and encrypted SRT" {
  key=$(stream-keys new demo --store "$T/secret/keys" 2>"$T/new-key.err")
  (umask 077 && echo "$key" >"$T/secret/key" && echo a-long-passphrase >"$T/secret/phrase")
  port=$(free_port)
  udp=$(free_port)
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$port/live" --key-file "$T/secret/keys" --name demo \
    --listen "srt://127.0.0.1:$udp?passphrase=@file:$T/secret/phrase" --events "$T/events" --hold 20s
  wait_for 10 has_event "$T/events" service.ready
  stream-ingest endpoints demo --json >"$T/hidden.json"
  assert_json "$T/hidden.json" '[.endpoints[].encrypted] == [false, true] and .endpoints[1].passphrase == "<passphrase>"'
  stream-ingest endpoints demo --json --reveal --key "@file:$T/secret/key" \
    --passphrase "@file:$T/secret/phrase" >"$T/secret/sheet.json"
  ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -t 1 -c copy -f flv "$(jq -r '.endpoints[0].url' "$T/secret/sheet.json")"
  wait_for 10 has_events publisher.disconnected 1
  ffmpeg -nostdin -v error -re -i "$(clip flash_10s)" -t 1 -c copy -f mpegts "$(jq -r '.endpoints[1].url' "$T/secret/sheet.json")"
  wait_for 10 has_events publisher.connected 2
  assert_event publisher.connected '.protocol == "srt" and .stream == "demo"'
}

@test "listeners on port 0: the running instance is asked where they are, and a publisher finds them" {
  start ingest stream-ingest --listen rtmp://127.0.0.1:0/live --listen whip://127.0.0.1:0 --rtc-port 0 \
    --open demo --name demo --events "$T/events" --hold 20s
  wait_for 10 has_event "$T/events" service.ready
  stream-ingest endpoints demo --json >"$T/sheet.json"
  schema_check.py "$T/sheet.json"
  rtmp=$(jq -r '.endpoints[0].url' "$T/sheet.json")
  whip=$(jq -r '.endpoints[1].url' "$T/sheet.json")
  for url in "$rtmp" "$whip"; do
    [[ $url =~ ^(rtmp|http)://127\.0\.0\.1:[1-9][0-9]*/ ]] || fail "$url"
    [[ $url != *:1935/* && $url != *:8889/* ]] || fail "$url is the usual port"
  done
  assert_equal "$(jq -r 'select(.event == "listener.started").url' "$T/events" | sed 's|.*:||; s|/.*||' | paste -sd' ')" \
    "$(jq -r '.endpoints[].url' "$T/sheet.json" | sed 's|^[a-z]*://[^:]*:||; s|/.*||' | paste -sd' ')"
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' -X OPTIONS "$whip")" 200
  ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -t 1 -c copy -f flv "$rtmp"
  assert_event publisher.connected '.protocol == "rtmp" and .stream == "demo"'
  run stream-ingest endpoints demo --listen rtmp://127.0.0.1:0/live
  assert_status 2
  assert_output "port 0" "leave --listen out"
}

@test "an instance that listens nowhere is no place to publish to" {
  start ingest stream-ingest --test-pattern --size 160x90 --name demo
  wait_for 10 stream-ctl status demo
  run stream-ingest endpoints demo
  assert_status 7
  assert_output "takes no publishers" --listen
}
