# ctest: timeout=120
# Files played one after the other: joined to the picture, in sync, over and over.
load ../support/common
load ../support/ingest

# Three clips of 2 s, of one kind; the last has a smaller picture.
clips() {
  local i sizes=(640:360 640:360 160:90)
  for i in 1 2 3; do
    ffmpeg -nostdin -v error -i "$(clip flash_4s)" -t 2 -vf "scale=${sizes[i - 1]}" \
      -c:v libx264 -preset ultrafast -bf 2 -g 30 -c:a aac -ar 48000 -ac 2 "$T/$i.mp4"
  done
}

@test "three files become one stream without a hole, in sync" {
  clips
  printf '#EXTM3U\n#EXTINF:2,one\n1.mp4\r\n\n%s\n3.mp4\n' "$T/2.mp4" >"$T/list.m3u"
  stream-ingest --playlist "$T/list.m3u" --events "$T/events" --name demo -o "$T/out.nut"
  assert_equal "$(packets "$T/out.nut" v)" 180
  order_is_good "$T/out.nut"
  less "$(biggest_gap "$T/out.nut" v)" 0.035
  less "$(biggest_gap "$T/out.nut" a)" 0.045
  decodes "$T/out.nut"
  flash_beep.py "$T/out.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" '.pairs >= 5 and .max_abs_ms <= 25'
  assert_equal "$(jq -r 'select(.event == "playlist.item").file' "$T/events" | tr '\n' ' ')" "$T/1.mp4 $T/2.mp4 $T/3.mp4 "
  # What was sent is what is there, and the third has its own size.
  diff <(for i in 1 2 3; do packet_hashes "$T/$i.mp4" v; done) <(packet_hashes "$T/out.nut" v)
  assert_event track.changed '.width == 160'
}

@test "over and over: the list is read anew, what can't be played is left out" {
  clips
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -t 1 -c:v libx265 -preset ultrafast -x265-params log-level=error -c:a copy "$T/other.mp4"
  printf 'files:\n  - 1.mp4\n  - absent.mp4\n  - other.mp4\n' >"$T/list.yaml"
  start ingest stream-ingest --playlist "$T/list.yaml" --loop --name demo --events "$T/events"
  wait_for 20 has_events playlist.item 2
  printf 'files: [2.mp4]\n' >"$T/next.yaml"
  mv "$T/next.yaml" "$T/list.yaml"
  second() { jq -r 'select(.event == "playlist.item").file' "$T/events" | grep -q 2.mp4; }
  wait_for 20 second
  stop ingest
  left_out() { jq -r "select(.event == \"playlist.left_out\" and (.file | endswith(\"$1\"))).reason" "$T/events" | head -n 1; }
  assert_equal "$(left_out absent.mp4)" "cannot read $T/absent.mp4: No such file or directory"
  [[ "$(left_out other.mp4)" == *hevc* ]]
  assert_equal "$(event_count media.discontinuity)" 0
  assert_equal "$(event_count publisher.connected)" 1
}

@test "--pull FILE --loop: a day of one film" {
  clips
  stream-ingest --pull "$T/1.mp4" --loop --duration 7s -o "$T/out.nut"
  [ "$(packets "$T/out.nut" v)" -ge 209 ]
  less "$(biggest_gap "$T/out.nut" v)" 0.035
}

@test "errors name the line" {
  printf '1.mp4\nhttp://127.0.0.1/x.mp4\n' >"$T/list.m3u"
  run stream-ingest --playlist "$T/list.m3u" -o "$T/out.nut"
  assert_status 6
  assert_output "list.m3u:2" --pull
  printf '# nothing\n' >"$T/list.m3u"
  run stream-ingest --playlist "$T/list.m3u" -o "$T/out.nut"
  assert_status 6
  printf 'absent.mp4\n' >"$T/list.m3u"
  run stream-ingest --playlist "$T/list.m3u" --loop -o "$T/out.nut"
  assert_status 12
  assert_output absent.mp4 "can be played"
  run stream-ingest --test-pattern --loop -o "$T/out.nut"
  assert_status 2
}
