# ctest: timeout=300 processors=2
# WHIP publishers: GStreamer's webrtcbin publishes, curl asks what a publisher may ask, forgers try the ports.
load ../support/common
load ../support/ingest
load ../support/whip

# shellcheck disable=SC2154  # url is set by listen_whip
peer() {
  local name=$1
  shift
  start "$name" whip_peer.py "$url/demo/whip" --clip "$(clip flash_10s)" "$@"
}

@test "GStreamer: pictures and sound arrive in time, a size that changes gives new parameters, DELETE ends it" {
  whip_peer_ready
  listen_whip --open demo --hold 0s -o "$T/out.nut" --codecs h264 --codecs opus
  peer publisher --seconds 7 --size 320x180@5
  wait_exit ingest 40
  assert_equal "$status" 0
  wait_exit publisher
  grep -q '"deleted": 200' publisher.out
  less 150 "$(packets out.nut v)"
  less 280 "$(packets out.nut a)"
  order_is_good out.nut
  decodes out.nut
  flash_beep.py out.nut >offsets.json
  assert_json offsets.json '.pairs >= 5 and .max_abs_ms <= 40'
  assert_equal "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 out.nut | paste -sd,)" h264,opus
  assert_event publisher.connected '.protocol == "whip" and (.address | test(":[0-9]+$"))'
  assert_event publisher.health '.received_packets > 500 and .dropped_packets == 0 and .rtt_seconds == null'
  assert_event publisher.disconnected '.reason == "the publisher stopped" and .received_bytes > 100000'
  assert_event track.changed '.width == 320 and .height == 180'
}

@test "VP8 is taken as it comes" {
  whip_peer_ready
  listen_whip --open demo --hold 0s -o "$T/vp8.nut"
  peer publisher --codec vp8 --seconds 3
  wait_exit ingest 30
  less 60 "$(packets vp8.nut v)"
  decodes vp8.nut
  assert_equal "$(ffprobe -v error -show_entries stream=codec_name,width -of csv=p=0 vp8.nut | paste -sd,)" vp8,640,opus
}

@test "5 % loss and jitter: asked for again, no broken picture leaves" {
  whip_peer_ready
  listen_lossy 'delay=10ms jitter=5ms loss=5%' --open demo --hold 0s -o "$T/out.nut"
  peer publisher --seconds 6
  wait_exit ingest 40
  assert_event publisher.health '.lost_packets > 10 and .retransmitted_packets > 10'
  less 110 "$(packets out.nut v)"
  order_is_good out.nut
  decodes out.nut
}

@test "keys: wrong, missing, another's; a second publisher replaces the first, or not" {
  whip_peer_ready
  key=$(stream-keys new demo --store keys)
  printf %s "$key" >secret/key
  listen_whip --key-file keys --hold 20s
  offer >offer.sdp
  assert_equal "$(ask_whip POST /demo/whip -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 401
  assert_equal "$(jq -r .status answer)" 401
  assert_equal "$(ask_whip POST /demo/whip -H 'Authorization: Bearer nonsense' -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 401
  assert_event publisher.refused '.error == "publish.key"'
  assert_equal "$(ask_whip POST /other/whip -H "Authorization: Bearer $key" -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 403
  peer one --key-file secret/key --leave stay
  wait_for 20 has_event events track.added
  # An offer alone interrupts nobody, and the end of a session that is not on air neither.
  assert_equal "$(ask_whip POST /demo/whip -H "Authorization: Bearer $key" -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 201
  session=$(tr -d '\r' <header | sed -n 's/^Location: //p')
  assert_equal "$(ask_whip DELETE "$session")" 200
  assert_equal "$(event_count publisher.disconnected)" 0
  first=$(jq -r 'select(.location).location' one.out)
  peer two --key-file secret/key --leave stay
  wait_for 20 has_events publisher.connected 2
  assert_event publisher.connected '.replaces != null'
  assert_event publisher.disconnected '.reason | test("replaced")'
  # The first one's late requests touch nothing (I21).
  assert_equal "$(ask_whip DELETE "$first")" 404
  assert_equal "$(ask_whip PATCH "$first" -H 'Content-Type: application/trickle-ice-sdpfrag' --data-binary 'a=end-of-candidates')" 404
  assert_equal "$(event_count publisher.disconnected)" 1
  stream-ctl status demo --json >status.json
  ! grep -qF "$key" events ingest.err status.json || fail "the key was written"
}

@test "a token in the place of a key: its stream, its purpose, its signature" {
  stream-keys -q vault init --key-file "$T/secret/vault-key"
  export STREAM_VAULT_KEY_FILE="$T/secret/vault-key"
  token=$(stream-keys -q token publish demo --expires 1h)
  viewer=$(stream-keys -q token viewer demo --key publisher-signing)
  other=$(stream-keys -q token publish demo --key somebody-else)
  stream-keys token public-key --key publisher-signing >public.json
  listen_whip --token-key public.json
  offer >offer.sdp
  publish() { ask_whip POST "/$1/whip" -H "Authorization: Bearer $2" -H 'Content-Type: application/sdp' --data-binary @offer.sdp; }
  assert_equal "$(publish demo "$token")" 201
  assert_equal "$(publish another "$token")" 403
  for wrong in "$viewer" "$other" "${token%.*}." "${token%?????}AAAAA"; do
    assert_equal "$(publish demo "$wrong")" 401
  done
  jq -rs 'map(select(.event == "publisher.refused") | .reason) | join(" ")' events >reasons
  grep -q 'not for publishing' reasons
  grep -q 'signature' reasons
  ! grep -qF "$token" events ingest.err || fail "the token was written"
}

@test "servers of ICE in the answer, by a login of the day; what they can't be" {
  printf north >secret/turn
  printf nobody >secret/wrong
  chmod 600 secret/*
  listen_whip --open demo --ice-server stun:stun.example.net --ice-server 'turn:turn.example.net:3478?transport=udp' \
    --turn-secret @file:secret/turn
  offer >offer.sdp
  assert_equal "$(ask_whip POST /demo/whip -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 201
  grep -q '^Link: <stun:stun.example.net>; rel="ice-server"' header
  login=$(sed -n 's/^Link: <turn:turn.example.net:3478?transport=udp>; rel="ice-server"; username="\([0-9]*\)"; .*/\1/p' header)
  less "$(date +%s)" "$login"
  grep -qF "credential=\"$(printf %s "$login" | openssl dgst -sha1 -hmac north -binary | base64)\"" header
  local wrong
  for wrong in '--ice-server http://a' '--ice-server turn:a' '--turn-secret @file:secret/turn' \
    '--ice-server turn:a --turn-login @file:secret/wrong' '--ice-server turn:me:word@a --turn-login @file:secret/wrong'; do
    # shellcheck disable=SC2086  # several words
    run stream-ingest --listen whip://127.0.0.1:0 --open demo $wrong
    assert_status 2
    [[ $output != *nobody* && $output != *word@* ]] || fail "a secret was shown: $output"
  done
}

@test "I20: a publisher that was killed is replaced at once by who has its key" {
  whip_peer_ready
  stream-keys -q new demo --store keys >secret/key
  listen_whip --key-file keys
  peer one --key-file secret/key --leave stay
  wait_for 20 has_event events track.added
  kill -9 "$(pid one)"
  # Nobody waits until the old one is missed, which takes it half a minute.
  peer two --key-file secret/key --leave stay
  wait_for 20 has_events publisher.connected 2
  assert_event publisher.connected '.replaces != null'
  assert_event publisher.disconnected '.reason | test("replaced")'
  wait_for 20 has_events track.added 2
}

@test "I20: kill -9 of a publisher is noticed; the same stream goes on when it comes back" {
  whip_peer_ready
  listen_whip --open demo --idle-timeout 2s
  peer one --leave stay
  wait_for 20 has_event events track.added
  kill -9 "$(pid one)"
  wait_for 10 has_event events publisher.disconnected
  assert_event publisher.disconnected '.reason | test("no media")'
  peer two --seconds 3
  wait_for 20 has_events publisher.connected 2
  wait_for 20 has_events publisher.disconnected 2
  assert_event publisher.disconnected '.reason == "the publisher stopped"'
}

@test "B-frames are refused with the remedy" {
  whip_peer_ready
  listen_whip --open demo --hold 0s
  peer one --codec b-frames
  wait_for 20 has_event events publisher.disconnected
  assert_event publisher.disconnected '.reason | test("B-frames")'
}

@test "what addresses and options can't be" {
  run stream-ingest --listen whip://127.0.0.1:8889/live --open demo
  assert_status 2
  assert_output /STREAM/whip
  run stream-ingest --listen rtmp://127.0.0.1:1935/live --open demo --rtc-address 192.0.2.1
  assert_status 2
  run stream-ingest --listen whip://127.0.0.1:0 --rtc-port 0 --open demo --rtc-address nowhere
  [ "$status" -ne 0 ]
  assert_output nowhere
  run stream-ingest endpoints demo --listen whip://0.0.0.0:8889 --host live.example.org
  assert_status 0
  assert_output http://live.example.org:8889/demo/whip
}

@test "I24: forged datagrams, garbage offers, oversize and slow bodies: nothing breaks, nothing grows" {
  RTC_PORT=$(free_udp)
  listen_whip --open demo
  offer >offer.sdp
  assert_equal "$(ask_whip POST /demo/whip -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 201
  before=$(rss_kib ingest)
  whip_attacks.py "$url" "$RTC_PORT" >attacks.json
  assert_json attacks.json '.datagrams > 20000 and (.codes | keys - ["400", "413", "415", "422"] == []) and .slow_closed'
  less "$(rss_kib ingest)" "$((before + 20000))"
  assert_equal "$(ask_whip POST /demo/whip -H 'Content-Type: application/sdp' --data-binary @offer.sdp)" 201
  assert_equal "$(event_count publisher.connected)" 0
}
