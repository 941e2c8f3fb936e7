# stream-ingest over TLS: who gets in, what is shown, what happens when the certificate changes.
load ../support/common
load ../support/ingest
load ../support/certificates

listen_tls() {
  port=$(free_port)
  start ingest stream-ingest --listen "rtmps://127.0.0.1:$port/live" --cert server.pem --key server.key \
    --events "$T/events" "$@"
  wait_for 10 has_event "$T/events" service.ready
}

publish() { # SECONDS
  start publisher ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_4s)" -c copy -t "$1" \
    -f flv "rtmps://127.0.0.1:$port/live/demo"
}

@test "ffmpeg publishes over RTMPS; every packet arrives" {
  certificates
  port=$(free_port) plain=$(free_port)
  start ingest stream-ingest --listen "rtmps://127.0.0.1:$port/live" --listen "rtmp://127.0.0.1:$plain/live" \
    --cert server.pem --key @file:server.key --open demo -o - --name demo --events "$T/events"
  wait_for 10 has_event "$T/events" service.ready
  assert_equal 2 "$(event_count listener.started)"
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c copy -f flv "rtmps://127.0.0.1:$port/live/demo"
  wait_exit ingest 10
  assert_status 0
  for track in v a; do
    cmp <(packet_hashes "$(clip flash_4s)" $track) <(packet_hashes ingest.out $track)
  done
}

@test "GStreamer publishes over RTMPS" {
  certificates
  listen_tls --open demo
  timeout 20 gst-launch-1.0 -q videotestsrc num-buffers=60 ! video/x-raw,width=320,height=180,framerate=30/1 ! \
    x264enc key-int-max=30 ! flvmux streamable=true ! \
    rtmp2sink location="rtmps://127.0.0.1:$port/live/demo" tls-validation-flags=0 async-connect=false
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.connected '.stream == "demo"'
}

@test "I26: the whole chain is sent; TLS 1.2 and 1.3, nothing older; what is no TLS goes at once" {
  certificates
  listen_tls --open demo
  run shown
  assert_output "Verify return code: 0 (ok)" "CN = middle"
  run shown -tls1_2
  assert_output "Verify return code: 0 (ok)"
  run shown -tls1_1 -cipher DEFAULT:@SECLEVEL=0
  assert_output "Cipher is (NONE)"
  python3 -c 'import socket, sys; s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.sendall(bytes(1600)); s.settimeout(3); print(len(s.recv(100)))' "$port"
  wait_for 5 has_event "$T/events" publisher.refused
  assert_event publisher.refused '.error == "tls.handshake"'
}

@test "I26: a new certificate is shown without a break: when the files change, and on SIGHUP" {
  certificates
  listen_tls --open demo
  publish 60
  wait_for 10 has_event "$T/events" publisher.connected
  before=$(print_of)
  renew
  wait_for 10 has_event "$T/events" service.reloaded
  after=$(print_of)
  [ "$before" != "$after" ]
  # What does not fit is refused, with the reason, and the one in use stays.
  cp middle.crt server.pem
  kill -HUP "$(pid ingest)"
  wait_for 10 grep -q "does not belong to the certificate" ingest.err
  assert_equal "$after" "$(print_of)"
  assert_equal 0 "$(event_count publisher.disconnected)"
  stop publisher
  stop ingest
  assert_status 0
}

@test "certificates that will not do are named at the start" {
  certificates
  refused() {
    run stream-ingest --listen rtmps://127.0.0.1:0/live --open demo "$@"
    assert_status 6
  }
  refused --cert server.pem --key middle.key
  assert_output "server.pem" "does not belong"
  refused --cert server.key --key server.key
  assert_output "no certificate in PEM form"
  chmod 600 server.pem
  refused --cert server.pem --key server.pem
  assert_output "no private key"
  openssl rsa -aes128 -passout pass:secret -in server.key -out locked.key 2>/dev/null
  chmod 600 locked.key
  refused --cert server.pem --key locked.key
  assert_output "encrypted with a passphrase"
  openssl x509 -req -in server.csr -CA middle.crt -CAkey middle.key -CAcreateserial -days -1 -out old.crt 2>/dev/null
  refused --cert old.crt --key server.key
  assert_output "expired on"
  chmod 644 server.key
  run stream-ingest --listen rtmps://127.0.0.1:0/live --open demo --cert server.pem --key server.key
  assert_status 4
  run stream-ingest --listen rtmps://127.0.0.1:0/live --open demo --cert server.pem
  assert_status 2
  run stream-ingest --listen rtmp://127.0.0.1:0/live --open demo --cert server.pem --key server.key
  assert_status 2
  run stream-ingest --listen rtmps://127.0.0.1:0/live --open demo --cert absent.pem --key middle.key
  assert_status 1
  assert_output "absent.pem"
}

@test "slow TLS handshakes keep nobody out" {
  certificates
  start ingest bash -c 'ulimit -n "${DESCRIPTORS:-128}"; exec stream-ingest "$@"' - \
    --listen "rtmps://127.0.0.1:${port:=$(free_port)}/live" --cert server.pem --key server.key --open demo \
    --max-waiting-per-address 4096 --events "$T/events"
  wait_for 10 has_event "$T/events" service.ready
  stall_handshakes "${SLOW_HANDSHAKES:-300}"
  begin=$(date +%s%N)
  publish 60
  wait_for 10 has_event "$T/events" publisher.connected
  took=$((($(date +%s%N) - begin) / 1000000))
  [ "$took" -lt "${WITHIN_MS:-4000}" ] || fail "live after $took ms"
}
