# For the tests of stream-ingest: `load ../support/ingest` after common.
#
#   listen ARGUMENT...     starts stream-ingest on a free port ($port, $url) as "ingest", waits for it;
#                          events in $T/events
#   peer ARGUMENT...       rtmp_peer.py
#   packet_hashes FILE v|a the hash of each packet, one a line
#   packets FILE v|a       their number
#   decodes FILE           no decoder complains
#   order_is_good FILE     DTS strictly increase per track, PTS >= DTS, the start is near 0
#   biggest_gap FILE v|a   seconds between two presentation times
#   event_count NAME
#   assert_event NAME FILTER   the jq filter holds for the last event of that name

listen() {
  port=$(free_port)
  url=rtmp://127.0.0.1:$port/live
  start ingest stream-ingest --listen "$url" --events "$T/events" "$@"
  wait_for 10 has_event "$T/events" service.ready
}

peer() { rtmp_peer.py "$@"; }

packet_hashes() {
  ffmpeg -nostdin -v fatal -i "$1" -map "0:$2:0" -c copy -f framehash -hash md5 - |
    awk -F', *' '!/^#/ { print $6 }'
}

packets() {
  ffprobe -v fatal -count_packets -select_streams "$2:0" -show_entries stream=nb_read_packets -of csv=p=0 "$1" |
    head -n 1
}

decodes() {
  local complaints
  complaints=$(ffmpeg -v error -i pipe:0 -fps_mode passthrough -enc_time_base -1 -f null - <"$1" 2>&1)
  [ -z "$complaints" ] || fail "decoding $1: $(head -n 5 <<<"$complaints")"
}

# dts pts of each packet of a track, in seconds. NUT holds presentation times; its reader derives the
# decoding times and cannot do so for the first pictures.
times() {
  ffprobe -v fatal -select_streams "$2:0" -show_entries packet=dts_time,pts_time -of compact=p=0 "$1" |
    sed -nE 's/^pts_time=([0-9.-]+)\|dts_time=([0-9.-]+).*/\2 \1/p'
}

order_is_good() {
  local kind
  for kind in v a; do
    times "$1" "$kind" | awk '
      NR > 1 && $1 <= last { print "DTS " $1 " after " last; bad = 1 }
      $2 < $1 { print "PTS " $2 " before DTS " $1; bad = 1 }
      NR == 1 && ($1 > start || $1 < 0) { print "starts at " $1; bad = 1 }
      { last = $1 }
      END { exit bad }' start="${2:-0.3}" || return 1
  done
}

biggest_gap() {
  ffprobe -v fatal -select_streams "$2:0" -show_entries packet=pts_time -of compact=p=0 "$1" |
    sed -nE 's/^pts_time=([0-9.-]+).*/\1/p' | sort -n |
    awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print most + 0 }'
}

# less A B: A < B for decimal numbers.
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }' || fail "$1 is not less than $2"; }

event_count() { grep -c "\"event\":\"$1\"" "$T/events" || true; }
has_events() { [ "$(event_count "$1")" -ge "$2" ]; }

rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(pid "$1")/status"; }
# CPU ticks used so far.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$(pid "$1")/stat"; }

assert_event() {
  jq -es "map(select(.event == \"$1\")) | last | $2" "$T/events" >/dev/null ||
    fail "$1: $2 does not hold in: $(grep "\"$1\"" "$T/events" | tail -n 2)"
}
