# ctest: timeout=300 processors=2
# WHIP over HTTPS: GStreamer publishes, curl asks, the certificate changes meanwhile.
load ../support/common
load ../support/ingest
load ../support/whip
load ../support/certificates

# shellcheck disable=SC2154  # url is set by listen_whip
listen_whips() {
  certificates
  WHIP=whips listen_whip --cert server.pem --key server.key "$@"
  port=${url##*:}
  export CURL_CA_BUNDLE=$T/root.crt SSL_CERT_FILE=$T/root.crt
}

@test "a session lives on when the certificate changes, and is ended under the new one" {
  whip_peer_ready
  listen_whips --open demo --hold 0s -o "$T/out.nut"
  start publisher whip_peer.py "$url/demo/whip" --clip "$(clip flash_10s)" --seconds 8
  wait_for 20 has_event events track.added
  before=$(print_of)
  renew
  wait_for 10 has_event events service.reloaded
  [ "$before" != "$(print_of)" ]
  assert_equal "$(event_count publisher.disconnected)" 0
  wait_exit ingest 40
  assert_equal "$status" 0
  wait_exit publisher
  grep -q '"deleted": 200' publisher.out
  assert_event publisher.connected '.protocol == "whip"'
  less 150 "$(packets out.nut v)"
  decodes out.nut
}

@test "what a publisher may ask: the session's place, preflights, refusals; HTTP/1.1 by ALPN; the whole chain" {
  stream-keys new demo --store keys >secret/key
  listen_whips --key-file keys
  assert_equal "${url%%:*}" https
  offer >offer
  assert_equal "$(ask_whip OPTIONS /demo/whip)" 200
  assert_equal "$(ask_whip POST /demo/whip -H 'Content-Type: application/sdp' --data-binary @offer)" 401
  printf 'header = "Authorization: Bearer %s"\n' "$(cat secret/key)" >secret/bearer
  assert_equal "$(ask_whip POST /demo/whip -K secret/bearer -H 'Content-Type: application/sdp' --data-binary @offer)" 201
  place=$(sed -n 's/^[Ll]ocation: \(.*\)\r$/\1/p' header)
  # Relative, so that it is in TLS as what it was asked for.
  case $place in /demo/whip/*) ;; *) fail "Location: $place" ;; esac
  assert_equal "$(ask_whip DELETE "$place" -K secret/bearer)" 200
  run shown -alpn h2,http/1.1
  assert_output "Verify return code: 0 (ok)" "CN = middle" "ALPN protocol: http/1.1"
  run shown -alpn h2
  assert_output "no application protocol"
  run shown -tls1_1 -cipher DEFAULT:@SECLEVEL=0
  assert_output "Cipher is (NONE)"
}

@test "endpoints and the start of a stream file say https" {
  certificates
  port=$(free_port)
  start ingest stream-ingest --listen "whips://127.0.0.1:$port" --rtc-port 0 --open demo --cert server.pem \
    --key server.key --events "$T/events"
  wait_for 10 has_event events service.ready
  export CURL_CA_BUNDLE=$T/root.crt
  stream-ingest endpoints demo --host live.example.org --json >sheet.json
  schema_check.py sheet.json
  assert_json sheet.json ".endpoints[0] | .protocol == \"whips\" and .encrypted and .url == \"https://live.example.org:$port/demo/whip\""
  run stream-ingest endpoints demo
  assert_output "https://127.0.0.1:$port/demo/whip" WHIPS
  run stream-ingest endpoints demo --listen whips://0.0.0.0 --host h
  assert_output https://h
  stop ingest
  cat >s.yaml <<YAML
name: demo
input: {listen: "whips://127.0.0.1:$port", open: true, rtc_port: 0, cert: server.pem, key: server.key}
serve: {listen: "https://127.0.0.1:0", cert: server.pem, key: server.key, hls: ., whep: true, rtc_port: 0, whip: "https://127.0.0.1:$port"}
YAML
  stream-ctl check s.yaml
  stream-ctl start s.yaml --json --timeout 60s >start.json
  schema_check.py start.json
  assert_json start.json '.publish[0].kind == "whips" and ([.playback[] | startswith("https://127.0.0.1:")] | all)'
  code() { curl -sS -o page -w '%{http_code}' "$@"; }
  assert_equal "$(code -X OPTIONS "$(jq -r '.publish[0].server' start.json)")" 200
  page=$(jq -r '.playback[1]' start.json)
  assert_equal "$(code "$page")" 200
  assert_equal "$(code "${page%live}publish")" 200
  grep -q "https://127.0.0.1:$port/demo/whip" page
  stream-ctl stop demo
  # Without a certificate the file is wrong already.
  sed 's/, cert: server.pem, key: server.key}/}/' s.yaml >bare.yaml
  run stream-ctl check bare.yaml
  assert_status 6
  assert_output "'cert' is missing for whips://127.0.0.1:$port"
}

@test "usage: what needs a certificate, and what has no use for one" {
  certificates
  run stream-ingest --listen whips://127.0.0.1:0 --open demo
  assert_status 2
  assert_output "--cert is missing"
  run stream-ingest --listen whips://127.0.0.1:0 --open demo --cert server.pem
  assert_status 2
  assert_output "--key is missing"
  run stream-ingest --listen whip://127.0.0.1:0 --open demo --cert server.pem --key server.key
  assert_status 2
  assert_output "nothing listens there"
  run stream-ingest --listen whips://127.0.0.1:0/path --open demo --cert server.pem --key server.key
  assert_status 2
}
