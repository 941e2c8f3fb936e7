# ctest: timeout=200
# stream-serve over HTTPS: what viewers get, who never gets through the handshake, what a new certificate changes.
load ../support/common
load ../support/certificates

# A stream; the address in $url, its port in $port; curl trusts the root.
serve() {
  certificates
  mkdir -p hls/demo/720p
  printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n720p/playlist.m3u8\n' >hls/demo/master.m3u8
  printf '#EXTM3U\n#EXTINF:2,\ns_1.m4s\n' >hls/demo/720p/playlist.m3u8
  head -c 3000000 /dev/urandom >hls/demo/720p/s_1.m4s
  start serve stream-serve --hls hls --listen https://127.0.0.1:0 --cert server.pem --key server.key \
    --events "$T/events" "$@"
  wait_for 5 has_event events service.ready
  url=$(jq -r 'select(.event == "listener.started").url' events)
  port=${url##*:}
  port=${port%/}
  export CURL_CA_BUNDLE=$T/root.crt
}

status_of() { curl -s -o /dev/null -w '%{http_code}' --path-as-is "$@"; }

@test "files and pages, whole and in part, several on a connection; addresses say https" {
  serve --name shop
  assert_equal "$url" "https://127.0.0.1:$port/"
  grep -q "on https://127.0.0.1:$port/" serve.err
  stream-ctl status shop --json >status.json
  grep -q "https://127.0.0.1:$port/" status.json
  segment=${url}demo/720p/s_1.m4s
  curl -sS "$segment" | cmp - hls/demo/720p/s_1.m4s
  curl -sS -r 1000-1999 "$segment" | cmp - <(tail -c +1001 hls/demo/720p/s_1.m4s | head -c 1000)
  assert_equal "$(status_of -I "$segment")" 200
  assert_equal "$(status_of -r 9000000- "$segment")" 416
  assert_equal "$(status_of -X PUT -d x "$segment")" 405
  assert_equal "$(status_of "${url}demo/")" 200
  # Three requests, one connection, no request for another version of HTTP.
  assert_equal "$(curl -sS --http2 -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} %{http_version}\n' \
    "$segment" "${url}demo/master.m3u8" "$url" | paste -sd,)" "1 1.1,0 1.1,0 1.1"
  run shown
  assert_output "Verify return code: 0 (ok)" "CN = middle"
  stop serve
  assert_status 0
}

@test "a new certificate, by its files and by SIGHUP: who is being served is served to the end" {
  serve
  before=$(print_of)
  start viewer curl -sS --limit-rate 500k -o got "${url}demo/720p/s_1.m4s"
  wait_for 10 test -s got
  renew
  wait_for 10 has_event events service.reloaded
  [ "$before" != "$(print_of)" ]
  wait_exit viewer 30
  assert_equal "$status" 0
  cmp got hls/demo/720p/s_1.m4s
  # What does not fit is refused, with the reason, and the one in use stays.
  after=$(print_of)
  cp middle.crt server.pem
  kill -HUP "$(pid serve)"
  wait_for 10 grep -q "does not belong to the certificate" serve.err
  assert_equal "$(print_of)" "$after"
}

@test "hostile: handshakes that stall keep nobody out; plain HTTP is told; garbage goes" {
  serve
  # Two hundred from addresses of their own: as many as the limit of each allows.
  stall_handshakes 200
  assert_equal "$(status_of --max-time 20 "${url}demo/master.m3u8")" 200
  stop slow
  run curl -sS "http://127.0.0.1:$port/demo/"
  assert_output "https://"
  assert_equal "$(status_of "http://127.0.0.1:$port/demo/")" 400
  # A record of TLS that holds nonsense where a ClientHello belongs: at most an alert comes back.
  python3 -c '
import os, socket, sys
for first in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\x16\x03\x01\xff\xff", b"\x80\x2e\x01", b""):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.settimeout(10)
    try:
        s.sendall(first + os.urandom(2000))
        got = s.recv(1000)
    except ConnectionResetError:
        got = b""
    assert len(got) < 10, got' "$port"
  assert_equal "$(status_of "${url}demo/master.m3u8")" 200
}

@test "a token behind the address becomes a cookie that goes over https alone" {
  export STREAM_VAULT_KEY_FILE=$T/secret/key
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  stream-keys -q token viewer demo --user anna >token
  stream-keys token public-key >public.json
  serve --token-key public.json
  stream-archive set --private --allow anna --hls hls/demo
  curl -sSi "${url}demo/?token=$(cat token)" >header
  grep -qi '^set-cookie: stream_token=.*; Secure' header
}

@test "usage: https needs a certificate, http has no use for one" {
  certificates
  mkdir hls
  run stream-serve --hls hls --listen https://127.0.0.1:0
  assert_status 2
  assert_output "--cert is missing"
  run stream-serve --hls hls --listen https://127.0.0.1:0 --cert server.pem
  assert_status 2
  assert_output "--key is missing"
  run stream-serve --hls hls --listen http://127.0.0.1:0 --cert server.pem --key server.key
  assert_status 2
  assert_output "nothing listens there"
  run stream-serve --hls hls --listen https://127.0.0.1:0 --cert server.key --key server.key
  assert_status 6
  assert_output "no certificate in PEM form"
}
