# For the tests of WHIP: `load ../support/whip` after common and ingest.
#
#   listen_whip ARGUMENT...  starts stream-ingest on free ports ($url, $rtc) as "ingest"; WHIP=whips: in TLS
#   whip_peer_ready          whether GStreamer's webrtcbin is here; skips the test where it is not
#   offer                    an offer as a browser makes it
#   ask_whip METHOD TARGET CURL-ARGUMENT...   the answer in $T/answer, its header in $T/header; its code is printed

listen_whip() {
  start ingest stream-ingest --listen "${WHIP:-whip}://127.0.0.1:0" --rtc-port "${RTC_PORT:-0}" --events "$T/events" "$@"
  wait_for 10 has_event "$T/events" service.ready
  url=$(jq -r 'select(.event == "listener.started").url' "$T/events")
  url=http${url#whip}
}

whip_peer_ready() {
  /usr/bin/python3 -c 'import gi; gi.require_version("GstWebRTC", "1.0")' 2>/dev/null || skip "no python3-gst-1.0"
  gst-inspect-1.0 webrtcbin >/dev/null 2>&1 || skip "no webrtcbin here"
  gst-inspect-1.0 nicesink >/dev/null 2>&1 || skip "no libnice here"
}

ask_whip() {
  local method=$1 target=$2
  shift 2
  case $target in http*) ;; *) target=$url$target ;; esac
  curl -sS -o "$T/answer" -D "$T/header" -w '%{http_code}' -X "$method" "$@" "$target"
}

# A UDP port that nobody uses.
free_udp() {
  python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 0)); print(s.getsockname()[1])'
}

# listen_lossy SCRIPT ARGUMENT...: listen_whip whose media goes by a relay of stream-fault with that script.
listen_lossy() {
  local script=$1 address
  shift
  address=$(own_address)
  [ -n "$address" ] || skip "no address but loopback"
  RTC_PORT=$(free_udp)
  start relay stream-fault udp "$address:0" "127.0.0.1:$RTC_PORT" "$script" --seed 7
  wait_for 5 grep -q 'listening on' relay.out
  listen_whip "$@" --rtc-address "$(sed -n 's/listening on //p' relay.out)"
}
own_address() { ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }'; }

offer() {
  local print=00 i
  for i in $(seq 1 31); do print+=$(printf ':%02X' "$i"); done
  printf '%s\r\n' v=0 'o=- 1 2 IN IP4 127.0.0.1' s=- 't=0 0' 'a=group:BUNDLE 0' \
    'm=video 9 UDP/TLS/RTP/SAVPF 96' 'c=IN IP4 0.0.0.0' a=ice-ufrag:abcd a=ice-pwd:0123456789abcdefghijklmn \
    "a=fingerprint:sha-256 $print" a=setup:actpass a=mid:0 a=sendonly a=rtcp-mux 'a=rtpmap:96 H264/90000' \
    'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f'
}
