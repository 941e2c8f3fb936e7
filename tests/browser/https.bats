# A page over HTTPS publishes Chromium's fake camera over HTTPS, and another plays it: no proxy is needed for a phone.
# ctest: timeout=200 processors=2 lock=browser
load ../support/common
load ../support/ingest
load ../support/whip
load ../support/certificates
load ../support/browser

# shellcheck disable=SC2154  # url is set by listen_whip, site by serve
@test "published to whips:// from an https page, played over WHEP from another, while the certificate changes" {
  certificates
  issue fresh middle
  trust server.crt fresh.crt
  tls=(--cert server.pem --key server.key)
  stream-keys new demo --store keys >secret/key
  WHIP=whips listen_whip --key-file keys --hold 0s "${tls[@]}"
  SCHEME=https serve hls --whep --rtc-port 0 --whip "$url" "${tls[@]}"
  case $url$site in https://*https://*) ;; *) fail "$url $site" ;; esac
  start page node "$ROOT/tests/browser/publish.mjs" "${site}demo/publish#key=$(cat secret/key)" --seconds 18
  wait_for 40 has_event events track.added
  cp fresh.key server.key
  cp fresh.pem server.pem
  wait_for 10 has_event events service.reloaded
  wait_for 10 has_event served service.reloaded
  play "${site}demo/live" --seconds 4
  assert_json play.json '.errors == [] and .media_error == null and .engine == "webrtc" and .pictures > 8'
  wait_exit page 60
  assert_equal "$status" 0
  assert_json page.out '.errors == [] and (.figures | test("^[1-9][0-9]* kbit/s, [1-9][0-9]* pictures/s"))'
  assert_equal "$(event_count publisher.connected)" 1
  assert_equal "$(event_count publisher.disconnected)" 1
}
