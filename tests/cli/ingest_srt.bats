# ctest: timeout=300 processors=2
# SRT publishers: real encoders, all forms of the stream id, keys, passphrases, tables that come late or
# change. What comes out is what went in.
load ../support/common
load ../support/ingest
load ../support/srt
load ../support/own_net

@test "ffmpeg: every picture and sound arrives; what the way is like is told" {
  listen_srt --open demo -o "$T/out.nut"
  publish demo "$(ts_clip)"
  wait_exit ingest
  assert_equal "$status" 0
  same_pictures "$(ts_clip)" "$T/out.nut"
  less "$(($(packets "$(ts_clip)" a) - 20))" "$(packets "$T/out.nut" a)"
  order_is_good "$T/out.nut"
  flash_beep.py "$T/out.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" '.pairs >= 3 and .max_abs_ms <= 20'
  assert_event publisher.connected '.protocol == "srt" and (.address | startswith("127.0.0.1:"))'
  assert_event publisher.health '.received_packets > 100 and .dropped_packets == 0 and .latency_seconds == 0.12'
  local seconds
  seconds=$(jq -s 'map(select(.event == "publisher.disconnected"))[0].seconds' "$T/events")
  less "$(event_count publisher.health)" "$(echo "$seconds + 1.5" | bc)"
}

@test "GStreamer, srtsink" {
  gst-inspect-1.0 srtsink >/dev/null 2>&1 || skip "no srtsink here"
  listen_srt --open demo -o "$T/out.nut"
  gst-launch-1.0 -q mpegtsmux name=mux alignment=7 ! srtsink uri="$url?streamid=demo" wait-for-connection=true \
    videotestsrc num-buffers=90 is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! \
    x264enc tune=zerolatency key-int-max=30 ! h264parse ! mux. \
    audiotestsrc num-buffers=130 is-live=true ! audio/x-raw,rate=44100,channels=2 ! avenc_aac ! aacparse ! mux.
  wait_exit ingest
  # The sink closes at once, and what it had not sent is lost.
  less 80 "$(packets "$T/out.nut" v)"
  order_is_good "$T/out.nut" 0.5
  decodes "$T/out.nut"
}

@test "srt-live-transmit, encrypted; a wrong passphrase and none are refused (I15)" {
  canary >"$T/secret/pass"
  chmod 600 "$T/secret/pass"
  QUERY=passphrase=@file:$T/secret/pass listen_srt --open demo --hold 0s --idle-timeout 3s -o "$T/out.nut"
  run timeout 20 srt-live-transmit -q -to:3 file:///dev/zero "$url?streamid=demo&passphrase=wrong-passphrase"
  run timeout 20 ffmpeg -nostdin -v error -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=demo"
  [ "$status" -ne 0 ]
  assert_equal "$(event_count publisher.connected)" 0
  transmit demo "$(ts_clip)" 4 "passphrase=$(cat "$T/secret/pass")"
  wait_exit ingest
  same_pictures "$(ts_clip)" "$T/out.nut"
}

# refused N OPTION: encoders that are refused and try again at once, ten at a time
refused() {
  local n pids=()
  for ((n = 1; n <= $1; n++)); do
    timeout 3 srt-live-transmit -q -a:no -to:2 file:///dev/zero "$url?streamid=demo${2:+&$2}" >/dev/null 2>&1 3>&- &
    pids+=($!)
    [ $((n % 10)) -eq 0 ] || [ "$n" -eq "$1" ] || continue
    wait "${pids[@]}" || true
    pids=()
  done
}

@test "I15: a passphrase too few or too many, over and over: no growth, few words (REFUSALS=7500: as in five minutes)" {
  local before fds option
  canary >"$T/secret/pass"
  chmod 600 "$T/secret/pass"
  for option in "" passphrase=nobody-has-this; do
    QUERY=$([ -n "$option" ] || echo "passphrase=@file:$T/secret/pass") listen_srt --open demo
    refused 10 "$option"
    before=$(rss_kib ingest)
    fds=$(find "/proc/$(pid ingest)/fd" | wc -l)
    refused "${REFUSALS:-20}" "$option"
    less "$(rss_kib ingest)" "$((before + 4096))"
    less "$(find "/proc/$(pid ingest)/fd" | wc -l)" "$((fds + 3))"
    less "$(wc -l <"$T/ingest.err")" 20
    assert_equal "$(event_count publisher.connected)" 0
    # It was the passphrase.
    publish demo "$(ts_clip)" "$([ -n "$option" ] || echo "passphrase=$(cat "$T/secret/pass")")"
    assert_equal "$(event_count publisher.connected)" 1
    stop ingest
    rm "$T/events"
  done
}

@test "a passphrase per stream" {
  printf 'the passphrase of one' >"$T/secret/one"
  printf 'the passphrase of two' >"$T/secret/two"
  chmod 600 "$T"/secret/*
  listen_srt --open one --open two --passphrase "one=@file:$T/secret/one" --passphrase "two=@file:$T/secret/two"
  start one ffmpeg -nostdin -v error -re -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=one&passphrase=the passphrase of one"
  start two ffmpeg -nostdin -v error -re -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=two&passphrase=the passphrase of two"
  run timeout 20 ffmpeg -nostdin -v error -re -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=one&passphrase=the passphrase of two"
  [ "$status" -ne 0 ]
  wait_for 10 has_events track.added 4
  assert_equal "$(event_count publisher.connected)" 2
  wait_exit one
  wait_exit two
}

@test "keys in every form of the stream id; wrong ones learn nothing; a kicked one goes" {
  local key id
  key=$(stream-keys new demo --store "$T/secret/keys")
  listen_srt --key-file "$T/secret/keys" --hold 0s
  for id in "$key" "#!::r=demo,m=publish,u=$key" "publish:demo:$key" "publish/live/$key" "%23%21%3A%3Ar%3D$key"; do
    timeout 30 ffmpeg -nostdin -v error -re -t 1 -i "$(ts_clip)" -c copy -srt_streamid "$id" -f mpegts "$url"
  done
  assert_equal "$(event_count publisher.connected)" 5
  for id in wrong "#!::r=demo,m=publish,u=wrong" "" "#!::r=other,m=publish,u=$key" "#!::r=$key,m=request"; do
    run timeout 20 ffmpeg -nostdin -v error -re -t 1 -i "$(ts_clip)" -c copy -srt_streamid "$id" -f mpegts "$url"
    [ "$status" -ne 0 ]
  done
  assert_equal "$(event_count publisher.connected)" 5
  assert_equal "$(event_count publisher.refused)" 5
  start encoder ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(ts_clip)" -c copy -srt_streamid "$key" -f mpegts "$url"
  wait_for 10 has_events publisher.connected 6
  stream-keys revoke "$(stream-keys list --store "$T/secret/keys" --json | jq -r '.keys[0].id')" --kick --store "$T/secret/keys"
  wait_for 10 has_events publisher.disconnected 6
  assert_event publisher.disconnected '.reason == "the key was revoked"'
  ! grep -rqaF --exclude-dir=secret "$key" "$T" || fail "the key was written"
}

@test "the only stream needs no stream id; RTMP and SRT share it, and the later one takes over" {
  local tcp
  tcp=$(free_port)
  listen_srt --listen "rtmp://127.0.0.1:$tcp/live" --open demo
  start rtmp ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_flv)" -c copy -f flv "rtmp://127.0.0.1:$tcp/live/demo"
  wait_for 10 has_events track.added 2
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  wait_for 10 has_events reader.connected 1
  timeout 60 ffmpeg -nostdin -v error -re -i "$(ts_clip)" -map 0 -c copy -f mpegts "$url"
  wait_exit reader
  assert_event publisher.connected '.protocol == "srt" and .replaces == 1'
  wait_exit rtmp
  order_is_good "$T/out.nut" 1
  decodes "$T/out.nut"
}

@test "tables that come late, two programs, sound that joins under other PIDs" {
  listen_srt --open late --open programs --open changed --hold 0s --idle-timeout 3s
  read_bus() {
    wait_for 10 test -S "$STREAM_RUNTIME_DIR/$1/media.sock"
    timeout 40 socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/$1/media.sock" "OPEN:$T/${2:-$1}.nut,creat"
  }
  ts_tool.py late "$(ts_clip)" 0.4 >"$T/late.ts"
  (transmit late "$T/late.ts" 4) 3>&- &
  read_bus late
  less 40 "$(packets "$T/late.nut" v)"
  decodes "$T/late.nut"

  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -i "$(clip ntsc_4s)" -map 0 -map 1 -c copy \
    -program title=a:st=0:st=1 -program title=b:st=2:st=3 -f mpegts "$T/programs.ts"
  (transmit programs "$T/programs.ts" 4) 3>&- &
  read_bus programs
  assert_event publisher.notice '.detail | contains("2 programs")'
  assert_equal "$(ffprobe -v fatal -show_entries stream=codec_type -of csv=p=0 "$T/programs.nut" | sort | tr '\n' ' ')" "audio video "
  less 100 "$(packets "$T/programs.nut" v)"
  grep -qxF "$(packet_hashes "$(ts_clip)" v | sed -n 100p)" <(packet_hashes "$T/programs.nut" v)

  ffmpeg -nostdin -v error -t 2 -i "$(clip video_only)" -c copy -f mpegts -mpegts_flags resend_headers "$T/first.ts"
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c copy -mpegts_start_pid 0x200 -tables_version 2 -output_ts_offset 2.1 -f mpegts "$T/second.ts"
  cat "$T/first.ts" "$T/second.ts" >"$T/changed.ts"
  (transmit changed "$T/changed.ts" 6) 3>&- &
  read_bus changed
  read_bus changed both  # the sound ends the sitting of the readers, who come back
  assert_equal "$(ffprobe -v fatal -show_entries stream=codec_type -of csv=p=0 "$T/changed.nut")" video
  less 50 "$(packets "$T/both.nut" a)"
  decodes "$T/both.nut"
}

@test "I19: the clock of 33 bits wraps, sound and picture at different moments" {
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c copy -output_ts_offset 95441.717 -f mpegts "$T/wrap.ts"
  listen_srt --open demo --hold 0s --idle-timeout 3s -o "$T/out.nut"
  transmit demo "$T/wrap.ts" 4
  wait_exit ingest
  order_is_good "$T/out.nut"
  # The last one of all, which nothing shows to be whole, is left out and leaves a gap of one.
  less 118 "$(packets "$T/out.nut" v)"
  less "$(biggest_gap "$T/out.nut" v)" 0.07
  less "$(biggest_gap "$T/out.nut" a)" 0.05
  flash_beep.py "$T/out.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" '.pairs >= 3 and .max_abs_ms <= 20'
}

@test "I09: the picture changes its size at a keyframe" {
  ffmpeg -nostdin -v error -t 2 -i "$(clip flash_4s)" -c copy -f mpegts "$T/a.ts"
  ffmpeg -nostdin -v error -t 2 -i "$(clip flash_720p)" -c copy -output_ts_offset 2.3 -f mpegts "$T/b.ts"
  cat "$T/a.ts" "$T/b.ts" >"$T/both.ts"
  listen_srt --open demo --hold 0s --idle-timeout 3s -o "$T/out.nut"
  transmit demo "$T/both.ts" 4
  wait_exit ingest
  decodes "$T/out.nut"
  assert_equal "$(ffprobe -v fatal -select_streams v -show_entries frame=width,height -of csv=p=0 "$T/out.nut" | grep -oE '[0-9]+,[0-9]+' | sort -u | tr '\n' ' ')" \
    "1280,720 640,360 "
}

@test "a publisher that vanishes is held and may come back; one that sends nothing is dropped (R16)" {
  listen_srt --open demo --hold 20s --idle-timeout 3s
  start encoder ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=demo"
  wait_for 10 has_events track.added 2
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  kill -KILL "$(pid encoder)"
  wait_for 10 has_event "$T/events" publisher.disconnected
  assert_event publisher.disconnected '.reason | test("no media|nothing was heard")'
  publish demo "$(ts_clip)"
  wait_exit reader
  assert_event publisher.connected '.session == 2'
  order_is_good "$T/out.nut" 1
}

@test "hostile handshakes: cut ones, without extensions, over-long key material (I14, I16)" {
  listen_srt --open demo
  timeout 60 srt_attacks.py "$port"
  running ingest
  timeout 60 ffmpeg -nostdin -v error -re -t 2 -i "$(ts_clip)" -c copy -f mpegts "$url?streamid=demo"
  wait_for 5 has_event "$T/events" track.added
}

@test "errors say what to do" {
  run stream-ingest --listen srt://0.0.0.0:9000 --key-file "$T/none"
  assert_status 2
  assert_output passphrase=@vault --insecure
  run stream-ingest --listen "srt://127.0.0.1:9000?passphrase=$(canary)" --open demo
  assert_status 2
  assert_output @file
  refute_output "$(canary)"
  run stream-ingest --listen "srt://127.0.0.1:9000?latency=120" --open demo
  assert_status 2
  assert_output 120
  run stream-ingest --listen "srt://127.0.0.1:9000?mode=caller2" --open demo
  assert_status 2
  run stream-ingest --listen srt://127.0.0.1 --open demo
  assert_status 2
  assert_output port
  run stream-ingest --listen srt://127.0.0.1:9000 --open demo --passphrase "demo=$(canary)"
  assert_status 2
  refute_output "$(canary)"
  listen_srt --open demo
  run stream-ingest --listen "$url" --open other
  assert_status 15
}

@test "every program loads at most one libsrt, the one of libavformat (libsrt's clock is monotonic, I18)" {
  local program library
  for program in "$TOOLS_BIN"/stream-*; do
    library=$(ldd "$program" | grep -o 'libsrt[-.a-z]*\.so[.0-9]*' | sort -u)
    [ "$(grep -c . <<<"$library")" -le 1 ] || fail "$program loads: $library"
    case $library in "" | libsrt-gnutls.so*) ;; *) fail "$program loads $library" ;; esac
  done
  library=$(ldd "$TOOLS_BIN/stream-ingest" | awk '/libsrt-gnutls/ { print $3 }')
  [ -n "$library" ]
  # Waits on the monotonic clock need this call.
  readelf -Ws --dyn-syms "$library" | grep -Eq 'pthread_condattr_setclock|pthread_cond_clockwait'
}

udp_bound() { grep -qi ":$(printf %04x "$1") " /proc/net/udp; }

# sending NAME ADDRESS: the clip from a side that waits for us
sending() {
  start "$1" ffmpeg -nostdin -v error -re -i "$(ts_clip)" -c copy -f mpegts "$2"
}

@test "--pull calls a side that listens, and calls again when that has broken off" {
  canary >"$T/secret/pass"
  chmod 600 "$T/secret/pass"
  port=$(free_udp_port)
  start ingest stream-ingest --pull "srt://127.0.0.1:$port?passphrase=@file:$T/secret/pass" --events "$T/events" -o "$T/out.nut"
  wait_for 10 grep -q 'no answer' "$T/ingest.err"
  local there
  there="srt://127.0.0.1:$port?mode=listener&passphrase=$(cat "$T/secret/pass")"
  sending first "$there"
  wait_for 15 has_events publisher.disconnected 1
  sending second "$there"
  wait_for 15 has_events publisher.disconnected 2
  stop ingest
  assert_event publisher.connected '.protocol == "pull"'
  [ "$(packets "$T/out.nut" v)" -ge 230 ]
  order_is_good "$T/out.nut"
  decodes "$T/out.nut"
}

@test "--pull: a wrong passphrase is final, and so is an inner address behind a name" {
  printf 'the right passphrase' >"$T/secret/right"
  printf 'the wrong passphrase' >"$T/secret/wrong"
  chmod 600 "$T"/secret/*
  port=$(free_udp_port)
  sending there "srt://127.0.0.1:$port?mode=listener&passphrase=$(cat "$T/secret/right")"
  wait_for 10 udp_bound "$port"
  run timeout 20 stream-ingest --pull "srt://127.0.0.1:$port?passphrase=@file:$T/secret/wrong" -o "$T/out.nut"
  assert_status 11
  assert_output "srt://127.0.0.1:$port" passphrase
  run timeout 20 stream-ingest --pull "srt://$(hostname):$port" -o "$T/out.nut"
  assert_status 4
  assert_output "--pull-allow"
  [ ! -s "$T/out.nut" ]
}

@test "--pull of a name whose first address is dead: the next one is called at once" {
  net
  printf '::1 two.test\n127.0.0.1 two.test\n' >hosts
  inside there ffmpeg -nostdin -v error -re -i "$(ts_clip)" -c copy -f mpegts "srt://127.0.0.1:9000?mode=listener"
  inside ingest stream-ingest --pull srt://two.test:9000 --pull-allow 127.0.0.1 --pull-allow ::1 --events "$T/events" -o "$T/out.nut"
  wait_for 15 has_events publisher.disconnected 1
  run ! grep 'no answer' "$T/ingest.err"
  stop ingest
  [ "$(packets "$T/out.nut" v)" -ge 100 ]
}

@test "--pull as rendezvous: both sides call" {
  port=$(free_udp_port)
  start ingest stream-ingest --pull "srt://127.0.0.2:$port?mode=rendezvous&adapter=127.0.0.1" --duration 2s -o "$T/out.nut"
  ts_tool.py pace "$(ts_clip)" 4 |
    timeout -s INT 8 srt-live-transmit -q -a:no -chunk:1316 file://con "srt://127.0.0.1:$port?mode=rendezvous&adapter=127.0.0.2" &
  wait_exit ingest 20
  assert_equal "$status" 0
  [ "$(packets "$T/out.nut" v)" -ge 55 ]
  decodes "$T/out.nut"
}
