# stream-serve --whep as a player's HTTP sees it, with the recorded offer of a browser.
load ../support/common

# bus:demo of H.264 without B-frames and AAC.
publish() {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=60 -f lavfi -i sine=duration=60 \
    -c:v libx264 -preset ultrafast -bf 0 -g 50 -c:a aac clip.mp4
  start ingest stream-ingest --pull "$T/clip.mp4" --name demo
  wait_for 10 stream-ctl status demo
}

# Serves $url, and what is live on this machine; HLS=: nothing but that.
serve() {
  mkdir -p hls
  start serve stream-serve ${HLS---hls hls} --listen http://127.0.0.1:0 --whep --rtc-port 0 --events "$T/events" "$@"
  wait_for 5 has_event events service.ready
  url=$(jq -r 'select(.event == "listener.started").url' events)
  offer="$ROOT/tests/fuzz/corpus/sdp/safariviewer"
}

status_of() { curl -s -o body -D head -w '%{http_code}' "$@"; }
post() { status_of -H 'Content-Type: application/sdp' --data-binary "@$offer" "$@"; }
header() { sed -n "s/^$1: \(.*\)\r\$/\1/Ip" head; }

@test "a session is made, patched and deleted; a late request to it touches nothing" {
  publish
  serve --rtc-address 192.0.2.7:5000 --ice-server stun:stun.example.net
  assert_equal "$(post "${url}demo/whep")" 201
  grep -q '^a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host' body
  grep -q '^a=ice-lite' body
  grep -q '^a=setup:passive' body
  assert_equal "$(grep -c '^a=sendonly' body)" 2
  assert_equal "$(header content-type)" application/sdp
  assert_equal "$(header link)" '<stun:stun.example.net>; rel="ice-server"'
  grep -qi '^access-control-expose-headers: .*Location' head
  session=${url%/}$(header location) etag=$(header etag)
  sdpfrag='Content-Type: application/trickle-ice-sdpfrag'
  printf 'a=ice-ufrag:vCWB\r\na=ice-pwd:Dl2c3Jh9BqS0dZyXKkcvkDNr\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n' >fragment
  assert_equal "$(status_of -X PATCH -H "$sdpfrag" --data-binary @fragment "$session")" 428
  assert_equal "$(status_of -X PATCH -H "$sdpfrag" -H 'If-Match: "x"' --data-binary @fragment "$session")" 412
  assert_equal "$(status_of -X PATCH -H "$sdpfrag" -H "If-Match: $etag" --data-binary @fragment "$session")" 204
  printf 'a=ice-ufrag:next\r\na=ice-pwd:Dl2c3Jh9BqS0dZyXKkcvkDNr\r\n' >fragment
  assert_equal "$(status_of -X PATCH -H "$sdpfrag" -H 'If-Match: *' --data-binary @fragment "$session")" 200
  grep -q '^a=ice-pwd:' body
  [ "$(header etag)" != "$etag" ]
  assert_equal "$(status_of -X DELETE "$session")" 200
  assert_equal "$(status_of -X DELETE "$session")" 404
  wait_for 5 has_event events viewer.ended
}

@test "what is refused says why" {
  serve
  assert_equal "$(post "${url}none/whep")" 404
  assert_json body '.detail | contains("not live")'
  assert_equal "$(status_of -H 'Content-Type: text/plain' -d x "${url}none/whep")" 415
  assert_equal "$(status_of -X OPTIONS "${url}none/whep")" 200
  assert_equal "$(header accept-post)" application/sdp
  assert_equal "$(status_of -X PUT -d x "${url}none/whep")" 405
  assert_equal "$(status_of -X DELETE "${url}none/whep/x")" 404
  assert_equal "$(status_of -X POST -d x "$url")" 405
  assert_equal "$(status_of "${url}none/live")" 200
  publish
  offer=/dev/null
  assert_equal "$(post "${url}demo/whep")" 400
  printf 'v=0\r\nm=video 9 RTP/AVP 96\r\n' >plain
  offer=plain
  assert_equal "$(post "${url}demo/whep")" 422
}

@test "B-frames are refused with the remedy" {
  start ingest stream-ingest --test-pattern --size 320x180 --name demo
  wait_for 10 stream-ctl status demo
  serve
  assert_equal "$(post "${url}demo/whep")" 406
  assert_json body '.detail | contains("B-frames") and contains("-bf 0") and contains("stream-ladder --low-delay --bus")'
}

@test "a source with B-frames is played from its ladder, once that is on the bus without them" {
  start ingest stream-ingest --test-pattern --size 320x180 --name demo
  wait_for 10 stream-ctl status demo
  start ladder stream-ladder -i bus:demo -o ladder/demo --segment 1s --rung 180p@300k,preset=ultrafast --bus --low-delay
  wait_for 30 test -S "$STREAM_RUNTIME_DIR/demo/rungs/180p.sock"
  serve
  assert_equal "$(post "${url}demo/whep")" 201
  assert_equal "$(grep -c '^a=sendonly' body)" 2
  assert_equal "$(post "${url}demo/180p/whep")" 405
}

@test "options that can't be" {
  run stream-serve --hls . --rtc-address 192.0.2.7
  assert_equal "$status" 2
  run stream-serve --hls . --ice-server stun:stun.example.net
  assert_equal "$status" 2
  run stream-serve --hls . --whep --ice-server turn:turn.example.net
  assert_equal "$status" 2
  [[ $output == *--turn-secret* ]]
  run stream-serve --hls . --whep --rtc-address nowhere.example --listen http://127.0.0.1:0 --rtc-port 0
  assert_equal "$status" 2
  [[ $output == *nowhere.example* ]]
}

@test "without --hls: live streams and their pages, and no files; without --whep too there is nothing" {
  publish
  HLS='' serve
  assert_equal "$(post "${url}demo/whep")" 201
  assert_equal "$(status_of "${url}demo/live")" 200
  assert_equal "$(status_of "$url")" 200
  for path in demo/ demo/master.m3u8 hls/demo/master.m3u8 ../keys etc/passwd clip.mp4; do
    code=$(status_of --path-as-is "$url$path")
    [[ $code = 400 || $code = 404 ]] || fail "$path: $code"
  done
  grep -q "serving live streams on $url" serve.err
  run stream-serve --listen http://127.0.0.1:0
  assert_status 2
  assert_output "neither --hls nor --whep is given"
}
