# ctest: timeout=120 processors=2
# Sources that are pulled: what they may open, and what becomes of one that breaks off.
load ../support/common
load ../support/ingest

serve_files() {
  port=$(free_port)
  start http python3 -m http.server "$port" --bind 127.0.0.1 --directory "$T/www"
  wait_for 10 port_open "$port"
}

@test "a file and an HLS recording over HTTP" {
  mkdir -p "$T/www"
  cp "$(clip flash_ts)" "$T/www/clip.ts"
  ffmpeg -nostdin -v error -i "$(clip flash_10s)" -c copy -hls_time 2 -hls_list_size 0 "$T/www/list.m3u8"
  serve_files
  local name
  for name in clip.ts list.m3u8; do
    stream-ingest --pull "http://127.0.0.1:$port/$name" -o "$T/out.nut"
    assert_equal "$(packets "$T/out.nut" v)" 300
    order_is_good "$T/out.nut"
  done
}

@test "a playlist from the network never reads local files" {
  mkdir -p "$T/www"
  cp "$(clip flash_ts)" "$T/inner.ts"
  printf '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://%s\n#EXT-X-ENDLIST\n' "$T/inner.ts" >"$T/www/evil.m3u8"
  serve_files
  run timeout 60 stream-ingest --pull "http://127.0.0.1:$port/evil.m3u8" -o "$T/out.nut" --hold 1s
  [ "$status" -ne 0 ]
  [ ! -s "$T/out.nut" ] || [ "$(packets "$T/out.nut" v)" = "" ]
}

# An outer server ($port) that leads to an inner one ($inner), which must not hear of it.
serve_two() {
  mkdir -p "$T/www" "$T/inner"
  cp "$(clip flash_ts)" "$T/inner/clip.ts"
  cp "$(clip flash_ts)" "$T/www/clip.ts"
  port=$(free_port)
  start outer pull_server.py "$port" "$T/www"
  inner=$(free_port)
  start inner pull_server.py "$inner" "$T/inner"
  wait_for 10 port_open "$port"
  wait_for 10 port_open "$inner"
}

# playlist NAME URL...: an HLS recording whose last segment is an honest one
playlist() {
  local url
  {
    printf '#EXTM3U\n#EXT-X-TARGETDURATION:10\n'
    for url in "${@:2}" clip.ts; do printf '#EXTINF:10,\n%s\n' "$url"; done
    echo '#EXT-X-ENDLIST'
  } >"$T/www/$1"
}

@test "L11: a playlist leads neither to files nor to inner addresses" {
  serve_two
  playlist evil.m3u8 "http://127.0.0.1:$inner/clip.ts" "http://localhost:$inner/clip.ts" \
    "http://[::ffff:127.0.0.1]:$inner/clip.ts" "http://169.254.169.254/latest/meta-data.ts" \
    "/to/http://127.0.0.1:$inner/clip.ts" "concat:$T/inner/clip.ts" "file://$T/inner/clip.ts" \
    "crypto+http://127.0.0.1:$inner/clip.ts" "subfile,,start,0,end,0,,:$T/inner/clip.ts"
  run timeout 60 stream-ingest --pull "http://127.0.0.1:$port/evil.m3u8" -o "$T/out.nut" --hold 1s
  refute grep -q GET "$T/inner.err"
  assert_output "127.0.0.1 port $inner" 169.254.169.254 --pull-allow
  # The honest segment, and it alone.
  [ ! -s "$T/out.nut" ] || [ "$(packets "$T/out.nut" v)" -le 300 ]
  # Told, it goes there.
  playlist two.m3u8 "http://127.0.0.1:$inner/clip.ts"
  stream-ingest --pull "http://127.0.0.1:$port/two.m3u8" --pull-allow 127.0.0.0/8 -o "$T/two.nut"
  assert_equal "$(packets "$T/two.nut" v)" 600
}

@test "T03: a redirect to an inner address is refused, unless it is allowed" {
  serve_two
  run timeout 60 stream-ingest --pull "http://127.0.0.1:$port/to/http://127.0.0.1:$inner/clip.ts" -o "$T/out.nut" --hold 1s
  [ "$status" -ne 0 ]
  assert_output "127.0.0.1 port $inner"
  refute grep -q GET "$T/inner.err"
  [ ! -s "$T/out.nut" ]
  stream-ingest --pull "http://127.0.0.1:$port/to/http://127.0.0.1:$inner/clip.ts" --pull-allow 127.0.0.1 -o "$T/out.nut"
  assert_equal "$(packets "$T/out.nut" v)" 300
  # A name whose address is an inner one.
  run timeout 60 stream-ingest --pull "http://$(hostname):$port/clip.ts" -o "$T/named.nut" --hold 1s
  [ "$status" -ne 0 ]
  run stream-ingest --pull "http://127.0.0.1:$port/clip.ts" --pull-allow nonsense -o "$T/named.nut"
  assert_status 2
  assert_output nonsense
}

@test "a source that breaks off is opened again: readers stay, one discontinuity" {
  port=$(free_port)
  serve_clip() {
    start "$1" ffmpeg -nostdin -v error -re -i "$(clip flash_10s)" -t 4 -c copy -f mpegts "tcp://127.0.0.1:$port?listen=1"
  }
  serve_clip first
  start ingest stream-ingest --pull "tcp://127.0.0.1:$port" --name demo --events "$T/events"
  wait_for 15 has_event "$T/events" track.added
  start reader socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/demo/media.sock" "OPEN:$T/raw.nut,creat"
  wait_for 15 has_event "$T/events" publisher.disconnected
  serve_clip second
  wait_for 15 has_events publisher.connected 2
  wait_for 15 has_events publisher.disconnected 2
  stop ingest
  wait_exit reader
  assert_equal "$(event_count media.discontinuity)" 1
  assert_equal "$(event_count reader.disconnected)" 1
  order_is_good "$T/raw.nut"
  decodes "$T/raw.nut"
  [ "$(packets "$T/raw.nut" v)" -ge 180 ]
}

@test "a camera, over RTSP: all its pictures and sound; when it is back the readers are still there" {
  # Cameras do not reorder pictures, and RTP has no decoding times.
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c:v libx264 -preset ultrafast -bf 0 -g 30 -sc_threshold 0 -c:a copy "$T/cam.mp4"
  port=$(free_port)
  camera() {
    start "$1" rtsp_server.py "$port" "$T/cam.mp4"
    wait_for 20 grep -q ready "$T/$1.out"
  }
  camera first
  # Before its first second is over, whatever else the machine does.
  start reader bash -c 'until [ -S "$0" ]; do sleep 0.02; done; exec socat -u "UNIX-CONNECT:$0" "OPEN:$1,creat"' \
    "$STREAM_RUNTIME_DIR/demo/media.sock" "$T/raw.nut"
  start ingest stream-ingest --pull "rtsp://127.0.0.1:$port/cam" --name demo --events "$T/events"
  wait_for 20 has_event "$T/events" publisher.disconnected
  stop first KILL
  camera second
  wait_for 20 has_events publisher.connected 2
  wait_for 20 has_events publisher.disconnected 2
  stop ingest
  wait_exit reader
  assert_equal "$(event_count reader.disconnected)" 1
  assert_event media.discontinuity '.reason == "session"'
  order_is_good "$T/raw.nut"
  decodes "$T/raw.nut"
  # The first beep may be over when the reader comes.
  flash_beep.py "$T/raw.nut" >"$T/offsets.json"
  assert_json "$T/offsets.json" '.pairs >= 7 and .max_abs_ms <= 20'
  pictures() {
    ffmpeg -nostdin -v fatal -i "$1" -map 0:v -fps_mode passthrough -f framehash -hash md5 - | awk -F', *' '!/^#/ { print $6 }'
  }
  diff <(pictures "$T/cam.mp4") <(pictures "$T/raw.nut" | head -n "$(packets "$T/cam.mp4" v)")
}

@test "nobody there: network failure after the hold" {
  port=$(free_port)
  run timeout 30 stream-ingest --pull "tcp://127.0.0.1:$port" -o "$T/out.nut" --hold 2s
  assert_status 10
  assert_output "tcp://127.0.0.1:$port"
}
