# ctest: timeout=300 processors=2
# What encoders do to time and to headers, and what readers get in spite of it.
load ../support/common
load ../support/ingest

# publish OPTIONS...: the clip through ingest to $T/out.nut
publish() {
  listen --open demo -o "$T/out.nut"
  peer publish "$port" demo "$(clip flash_flv)" "$@" >"$T/peer.json"
  wait_exit ingest
}

same_pictures() {
  diff <(packet_hashes "$(clip flash_flv)" v) <(packet_hashes "$T/out.nut" v)
}

beeps_with_flashes() {
  flash_beep.py "$T/out.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" ".pairs >= $1 and .max_abs_ms <= 20"
}

@test "R13: times beyond 24 bits, with and without the extended field on type 3" {
  local way
  for way in "" --bare-type3; do
    rm -f "$T/events"
    publish --first 16777000 $way
    same_pictures
    order_is_good "$T/out.nut"
  done
}

@test "R14: times over the 32-bit wrap" {
  publish --first 4294960000
  same_pictures
  order_is_good "$T/out.nut"
  less "$(biggest_gap "$T/out.nut" v)" 0.04
  beeps_with_flashes 9
}

@test "I06: sound 4 s after the picture, picture 2 s after the sound" {
  publish --audio-from 4000
  same_pictures
  beeps_with_flashes 5
  rm -f "$T/events"
  publish --video-from 2000
  beeps_with_flashes 7
}

@test "I07: pictures before their header" {
  publish --video-header-after 10
  same_pictures
  decodes "$T/out.nut"
}

@test "I08: sound without a header, with an empty one, with a late one" {
  publish --audio-header none
  same_pictures
  assert_equal "$(packets "$T/out.nut" a)" ""
  assert_equal "$(grep -c 'sound is left out' "$T/ingest.err")" 1
  rm -f "$T/events"
  publish --audio-header empty-first
  assert_equal "$(packets "$T/out.nut" a)" "$(packets "$(clip flash_flv)" a)"
  beeps_with_flashes 9
}

@test "I08: a header after 5 s brings the sound to readers of the bus" {
  listen --open demo
  start peer rtmp_peer.py publish "$port" demo "$(clip flash_flv)" --audio-header after:5000 --realtime
  wait_for 10 has_event "$T/events" track.added
  wait_for 15 bash -c 'stream-ctl status demo --json | grep -q "\"codec\": *\"aac\""'
  wait_exit peer
}

# Two clips of different size in one publication.
@test "I09: the picture changes its size at a keyframe" {
  ffmpeg -nostdin -v error -i "$(clip flash_720p)" -t 3 -c copy "$T/big.flv"
  listen --open demo -o "$T/out.nut"
  peer publish "$port" demo "$(clip flash_flv)" "$T/big.flv" --until 3000 >"$T/peer.json"
  wait_exit ingest
  decodes "$T/out.nut"
  order_is_good "$T/out.nut"
  ffmpeg -nostdin -v error -i "$T/out.nut" -map 0:v -vf scale=64:64 -f framemd5 - | grep -vc '^#' >"$T/frames"
  assert_equal "$(cat "$T/frames")" "$(packets "$T/out.nut" v)"
  sizes=$(ffprobe -v fatal -select_streams v -show_entries frame=width -of csv=p=0 "$T/out.nut" | tr -d , | grep . | sort | uniq -c | awk '{ print $2 }' | paste -sd' ')
  assert_equal "$sizes" "1280 640"
}

@test "I11: all times 10 s back, and an hour ahead" {
  local by
  for by in -4000 3600000; do
    rm -f "$T/events"
    publish --jump "5000:$by"
    same_pictures
    order_is_good "$T/out.nut"
    less "$(biggest_gap "$T/out.nut" v)" 0.07
    beeps_with_flashes 9
  done
}

@test "I11: single pictures far off" {
  local by
  for by in -9800000 37600000; do
    rm -f "$T/events"
    publish --outlier "60:$by"
    same_pictures
    order_is_good "$T/out.nut"
    less "$(biggest_gap "$T/out.nut" v)" 0.07
  done
}

@test "I13: one keyframe in all; a stop does not wait for another" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=30 -t 20 -c:v libx264 -preset ultrafast -g 9999 -sc_threshold 0 "$T/long.flv"
  listen --open demo
  start peer rtmp_peer.py publish "$port" demo "$T/long.flv" --realtime
  wait_for 10 has_event "$T/events" track.added
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/out.nut,creat"
  wait_for 10 test -s "$T/out.nut"
  local begin=$SECONDS
  stop ingest
  assert_equal "$status" 0
  [ $((SECONDS - begin)) -le 5 ]
  wait_exit reader
  decodes "$T/out.nut"
}

@test "a take-over in the middle continues the times" {
  listen --open demo -o "$T/out.nut"
  start first rtmp_peer.py publish "$port" demo "$(clip flash_flv)" --first 5000000 --until 4000 --end hang --hang 20
  wait_for 10 grep -q hanging "$T/first.out"
  peer publish "$port" demo "$(clip flash_flv)" >"$T/second.json"
  wait_exit first
  wait_exit ingest
  order_is_good "$T/out.nut"
  decodes "$T/out.nut"
  less "$(biggest_gap "$T/out.nut" v)" 0.2
  assert_equal "$(packets "$T/out.nut" v)" 420
}
