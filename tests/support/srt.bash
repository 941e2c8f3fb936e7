# For the tests of SRT: `load ../support/srt` after common and ingest.
#
#   listen_srt ARGUMENT...    starts stream-ingest on a free UDP port ($port, $url without options) as
#                             "ingest", waits for it; events in $T/events; options of the address in $QUERY
#   publish ID FILE [OPTION]  ffmpeg publishes FILE in real time under the stream id; &OPTION to the address
#   transmit ID FILE SECONDS [OPTION]  srt-live-transmit sends the bytes of an MPEG-TS file evenly

free_udp_port() {
  python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listen_srt() {
  port=$(free_udp_port)
  url=srt://127.0.0.1:$port
  start ingest stream-ingest --listen "$url${QUERY:+?$QUERY}" --events "$T/events" "$@"
  wait_for 10 has_event "$T/events" service.ready
}

publish() {
  timeout 60 ffmpeg -nostdin -v error -re -i "$2" -map 0 -c copy -f mpegts "$url?streamid=$1${3:+&$3}"
}

transmit() {
  # It stays connected at the end of its input, and connects again at the end of the connection.
  ts_tool.py pace "$2" "$3" |
    timeout -s INT "$(($3 + 2))" srt-live-transmit -q -a:no -chunk:1316 file://con "$url?streamid=$1${4:+&$4}" || true
}

# same_pictures FILE OUT: bit for bit. Encoders close without waiting for their last packets to arrive.
same_pictures() {
  local count
  count=$(($(packets "$1" v) - 3))
  diff <(packet_hashes "$1" v | head -n "$count") <(packet_hashes "$2" v | head -n "$count")
}

# A short clip as MPEG-TS.
ts_clip() {
  [ -s "$T/clip.ts" ] || ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c copy "$T/clip.ts"
  echo "$T/clip.ts"
}

# spoil NAME PLAN: stream-fault over UDP to $port; its own port in $spoiled, what it did in $T/NAME.out
spoil() {
  start "$1" stream-fault udp 127.0.0.1:0 "127.0.0.1:$port" "$2" --seed "${SEED:-1}"
  wait_for 5 grep -q listening "$T/$1.out"
  export spoiled
  spoiled=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$T/$1.out")
}
