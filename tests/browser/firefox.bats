# Firefox as a peer, both ways: it publishes from our page and plays our pages, over good ways and bad ones.
# ctest: timeout=300 processors=2 lock=browser
load ../support/common
load ../support/ingest
load ../support/whip
load ../support/browser

setup() {
  browser_setup
  firefox_ready
}

# A live VP8 with Opus, whose only key frame is up to 10 s old.
vp8_live() {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=30 -f lavfi -i sine=duration=30 \
    -c:v libvpx -deadline realtime -cpu-used 8 -g 250 -b:v 500k -c:a libopus clip.webm
  live clip.webm
}
live() {
  start ingest stream-ingest --pull "$T/$1" --name demo
  wait_for 10 stream-ctl status demo
}

# shellcheck disable=SC2154  # url is set by listen_whip and listen_lossy
@test "Firefox publishes by an invitation link: picture and sound, muted, ended" {
  stream-keys new demo --store keys >secret/key
  listen_whip --key-file keys --hold 0s
  serve hls --whip "$url"
  start page node "$ROOT/tests/browser/publish.mjs" "${site}demo/publish#key=$(cat secret/key)" --seconds 3
  wait_for 40 has_event events track.added
  start reader stream-record -i bus:demo -o rec
  wait_exit page 60
  assert_equal "$status" 0
  wait_exit reader
  assert_json page.out '.errors == [] and (.overflow | not) and .devices == [1, 1] and .muted == "true"'
  assert_json page.out '.figures | test("^[1-9][0-9]* kbit/s, [1-9][0-9]* pictures/s")'
  file=$(echo rec/*.mp4)
  assert_equal "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$file" | paste -sd,)" vp9,opus
  less 60 "$(packets "$file" v)"
  less "$(biggest_gap "$file" v)" 0.8
  less "$(biggest_gap "$file" a)" 0.1
  decodes "$file"
  # The picture moves; the sound is there, and after the muting is not.
  assert_equal "$(sights "$file")" silence_start
  assert_event publisher.connected '.protocol == "whip" and (.encoder | test("Firefox"))'
  assert_event publisher.disconnected '.reason == "the publisher stopped"'
}

@test "Firefox publishes over a way that loses 5 %, and restarts ICE: one session, few gaps" {
  listen_lossy 'delay=25ms loss=5%' --open demo --hold 0s -o "$T/out.nut"
  start page node "$ROOT/tests/browser/whip.mjs" "$url/demo/whip" --seconds 6 --restart 1
  wait_exit page 60
  stop ingest
  assert_json page.out '.status == 201 and .deleted == 200 and .again.status == 200 and .again.before != .again.after'
  assert_json page.out '.states | index("disconnected") == null and index("failed") == null'
  assert_equal "$(event_count publisher.connected)" 1
  less 60 "$(packets out.nut v)"
  less "$(biggest_gap out.nut v)" 1
  less 200 "$(packets out.nut a)"
  decodes out.nut
}

@test "Firefox plays VP8 with Opus at once, from a key frame of the past, and leaves" {
  vp8_live
  serve hls --whep --rtc-port 0
  sleep 2 # into the group of 10 s
  play "${site}demo/live" --seconds 4 --width 360
  assert_json play.json '.errors == [] and .media_error == null and .engine == "webrtc" and (.overflow | not)'
  assert_json play.json '.shown_after_ms < 6000 and .width == 320 and .pictures > 6 and .frozen_seconds < 2.5'
  assert_json play.json '.mean_luma > 40 and .deviation_luma > 20 and .sound_level > 0.01'
  wait_for 3 has_event served viewer.ended
}

@test "Firefox plays over a way that loses 5 %, 50 ms there and back" {
  vp8_live
  port=$(free_udp)
  start relay stream-fault udp "$(own_address):0" "127.0.0.1:$port" 'delay=25ms loss=5%' --seed 7
  wait_for 5 grep -q 'listening on' relay.out
  serve hls --whep --rtc-port "$port" --rtc-address "$(sed -n 's/listening on //p' relay.out)"
  play "${site}demo/live" --seconds 6
  assert_json play.json '.errors == [] and .pictures > 12 and .frozen_seconds < 2.5 and .sound_level > 0.01'
  assert_json <(jq -s '[.[] | select(.event == "viewer.ended")] | last' served) '.resent_packets > 0'
}

@test "H.264: played live where Firefox has it, and else with rewinding, as the page says" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25:duration=45 -f lavfi -i sine=duration=45 \
    -c:v libx264 -preset ultrafast -bf 0 -g 50 -c:a aac clip.mp4
  live clip.mp4
  start ladder stream-ladder -i bus:demo -o hls/demo --rung 360p@600k,preset=ultrafast --dvr 1m
  serve hls --whep --rtc-port 0
  play "${site}demo/live" --seconds 3 --patience 5
  if jq -e '.width > 0' play.json >/dev/null; then
    assert_json play.json '.errors == [] and .pictures > 6 and .mean_luma > 40 and .sound_level > 0.01'
  else
    assert_json play.json '.status | test("the stream is h264 and the player takes VP8, VP9.*with rewinding")'
  fi
  wait_for 30 test -s hls/demo/360p/segment_000003.m4s
  play "${site}demo/" --seconds 5
  assert_json play.json '.errors == [] and .media_error == null and .engine == "cmaf" and .played_seconds > 4 and .stalls == 0'
  assert_json play.json '.pictures > 10 and .mean_luma > 40 and .deviation_luma > 20 and (.status | startswith("Playing"))'
}
