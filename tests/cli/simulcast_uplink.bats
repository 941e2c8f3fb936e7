# ctest: timeout=240 processors=2
# S14: all destinations together are more than the way out carries. The least important makes room, the others
# stay clean.
load ../support/common
load ../support/simulcast

# five: an endless 5 Mbit/s in $T/live, exactly: the encoder fills up
five() {
  ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=30:d=8 -f lavfi -i sine=r=48000:d=8 -c:v libx264 -preset ultrafast \
    -g 60 -b:v 5M -minrate 5M -maxrate 5M -bufsize 5M -x264-params nal-hrd=cbr -c:a aac -b:a 64k -shortest five.mkv
  mkfifo live
  start live_input ffmpeg -nostdin -v error -re -stream_loop -1 -i five.mkv -c copy -f nut \
    -syncpoints timestamped -strict experimental -y live
}

# uplink PORT RATE: a way to 127.0.0.1:PORT of so much in all; its port in $narrow
uplink() {
  start uplink stream-fault tcp 127.0.0.1:0 "127.0.0.1:$1" "total=$2"
  wait_for 5 grep -q listening uplink.out
  narrow=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' uplink.out)
}

sent() { [ "$(field "$1" sent_pictures)" -gt "$2" ]; }
shared() { [ "$(field "$1" share)" = "$2" ]; }
in_time() { [ "$(field "$1" queue_seconds | cut -d. -f1)" = 0 ]; }
# nothing_dropped NAME: at no time
nothing_dropped() {
  jq -es --arg d "$1" 'map(select(.event == "destination.health" and .destination == $d)) |
    length > 0 and all(.[]; .dropped_pictures == 0 and .dropped_sounds == 0)' events
}

@test "3 x 5 Mbit/s through 12 Mbit/s, told with --uplink: said before the start, the least is thinned" {
  port=$(free_port)
  sink one "$port" --record one
  uplink "$port" 12M
  five
  start simulcast stream-simulcast -i live --name demo --events "$T/events" --uplink 12M \
    --to a=rtmp://127.0.0.1:$narrow/l/a,priority=9 --to b=rtmp://127.0.0.1:$narrow/l/b \
    --to c=rtmp://127.0.0.1:$narrow/l/c,priority=1
  wait_for 20 is_state a live
  wait_for 10 is_state b live
  wait_for 10 saw c degraded '.reason == "the uplink is full: keyframes and sound only"'
  jq -es '(map(.event) | index("uplink.full")) < (map(.event) | index("destination.connecting"))' events
  jq -es 'map(select(.event == "uplink.full"))[0] | .uplink_bps == 12000000 and .wanted_bps > 15000000 and
    .thinned == ["c"] and .held == []' events
  run stream-simulcast list demo
  assert_output "the uplink is full: " "there are 12000 kbit/s; thinned: c"
  wait_for 30 sent a 300
  # One of the others goes: there is room again, at once, in the same sitting.
  stream-simulcast remove demo b
  wait_for 5 shared c full
  wait_for 10 is_state c live
  wait_for 20 sent c $(($(field c sent_pictures) + 60))
  has_event events uplink.free
  stop simulcast
  assert_status 0
  for name in a b c; do
    nothing_dropped $name
  done
  assert_equal 3 "$(count_at_sink one '.event == "publish"')"
  python3 - one/*.times <<'END'
import sys
def gaps(rows, kind):
    ms = [int(r[1]) for r in rows if r[0] == kind][1:]
    return [b - a for a, b in zip(ms, ms[1:])]
whole = thin = 0
for path in sys.argv[1:]:
    rows = [line.split() for line in open(path)]
    assert max(gaps(rows, "audio")) <= 50, path
    video = gaps(rows, "video")
    if max(video) <= 50:
        whole += 1
    else:  # keyframes, 2 s apart, and then all of it
        thin += 1
        assert max(video) <= 2100 and sum(g > 1900 for g in video) >= 3 and max(video[-15:]) <= 50, video
assert (whole, thin) == (2, 1), (whole, thin)
END
}

@test "told nothing: what several do not get at once shows, and the least important makes room" {
  port=$(free_port)
  sink one "$port"
  uplink "$port" 11M
  five
  start simulcast stream-simulcast -i live --name demo --events "$T/events" \
    --to a=rtmp://127.0.0.1:$narrow/l/a,priority=9 --to b=rtmp://127.0.0.1:$narrow/l/b \
    --to c=rtmp://127.0.0.1:$narrow/l/c,priority=1
  wait_for 30 has_event events uplink.full
  jq -es 'map(select(.event == "uplink.full"))[0] | .uplink_bps == null and .thinned == ["c"]' events
  wait_for 30 in_time a
  wait_for 5 is_state a live
  stop simulcast
  assert_status 0
  nothing_dropped a
}

@test "priorities and rates that are none are refused" {
  for bad in 0 10 high ''; do
    run stream-simulcast -i x --to "a=rtmp://h/app/k,priority=$bad"
    assert_status 2
    assert_output "from 1 to 9"
  done
  run stream-simulcast -i x --to a=rtmp://h/app/k --uplink 12
  assert_status 2
}
