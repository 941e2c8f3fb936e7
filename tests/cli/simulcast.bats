# ctest: timeout=300
# stream-simulcast with destinations that behave: what arrives, changes on air, secrets, TLS.
load ../support/common
load ../support/simulcast

@test "what went in arrives: same frames, same order, sound in sync" {
  port=$(free_port)
  sink one "$port" --record one
  stream-simulcast -i "$(clip flash_10s)" --to a=rtmp://127.0.0.1:$port/live/a \
    --to b=rtmp://127.0.0.1:$port/live/b 2>err
  wait_for 5 test "$(count_at_sink one '.event == "end"')" = 2
  for file in one/1.flv one/2.flv; do
    # The clip's edit list hides the encoder's first sound packet; FLV has no such list.
    media_compare.py --decode --max-ms 20 "$(clip flash_10s)" $file >compared || true
    assert_json compared '.v.same_order and .v.missing == 0 and .v.extra == 0 and .v.max_shift_ms <= 20'
    assert_json compared '.a.missing == 0 and .a.extra <= 1'
    run flash_beep.py --max-ms 20 --min-pairs 9 $file
    assert_status 0
  done
  at_sink one '.event == "first-key" and .ms == 0 and .frames_before == 0'
  assert_equal 2 "$(count_at_sink one '.event == "FCUnpublish"')"
  head -3 one/1.times | awk '{ exit !($2 == 0) }'
}

# nginx_rtmp: a server with the application "live" at $nginx_port
nginx_rtmp() {
  [ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ] || skip "no nginx with the RTMP module"
  nginx_port=$(free_port)
  mkdir ng
  chmod 777 ng
  cat >nginx.conf <<END
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
worker_processes 1; daemon off; pid $T/ng/pid; error_log $T/ng/error.err warn;
events { worker_connections 64; }
rtmp { server { listen 127.0.0.1:$nginx_port; application live { live on; } } }
END
  start nginx nginx -p "$T/ng" -c "$T/nginx.conf"
  wait_for 5 port_open "$nginx_port"
}

@test "nginx's RTMP module, our own ingest and ffmpeg take it" {
  nginx_rtmp
  ingest_port=$(free_port)
  ffmpeg_port=$(free_port)
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$ingest_port/live" --open there
  start ffmpeg ffmpeg -v error -y -listen 1 -i "rtmp://127.0.0.1:$ffmpeg_port/live/x" -c copy ffmpeg.mkv
  wait_for 5 port_open "$ingest_port"
  start reader ffmpeg -v error -y -rw_timeout 20000000 -i "rtmp://127.0.0.1:$nginx_port/live/n" -t 2 -c copy nginx.mkv
  simulcast --to n="rtmp://127.0.0.1:$nginx_port/live/n" --to i="rtmp://127.0.0.1:$ingest_port/live/there" \
    --to f="rtmp://127.0.0.1:$ffmpeg_port/live/x"
  wait_for 10 is_state n live
  wait_for 10 is_state i live
  wait_for 10 is_state f live
  timeout 3 ffmpeg -v error -y -f nut -i "unix:$STREAM_RUNTIME_DIR/there/media.sock" -c copy ingest.mkv || true
  stop simulcast
  assert_status 0
  wait_exit ffmpeg
  wait_exit reader
  for file in nginx.mkv ingest.mkv ffmpeg.mkv; do
    run flash_beep.py --max-ms 20 --min-pairs 1 $file
    assert_status 0
  done
}

@test "nginx says that somebody publishes already: waited for until he has gone" {
  nginx_rtmp
  start other ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_4s)" -c copy -f flv "rtmp://127.0.0.1:$nginx_port/live/demo"
  timeout 20 ffmpeg -v error -y -i "rtmp://127.0.0.1:$nginx_port/live/demo" -t 0.1 -c copy there.mkv
  simulcast --to n="rtmp://127.0.0.1:$nginx_port/live/demo"
  wait_for 10 saw n backoff '.reason | contains("Already publishing")'
  stop other
  wait_for 20 is_state n live
  run ! saw n refused
}

@test "destinations are added, removed, paused and resumed on air; the others don't notice" {
  port=$(free_port)
  sink one "$port" --record one
  touch secret/key
  chmod 600 secret/key
  echo "rtmp://127.0.0.1:$port/live/$(canary)" >secret/key
  simulcast --to a=rtmp://127.0.0.1:$port/live/a --to b=rtmp://127.0.0.1:$port/live/b
  wait_for 10 is_state a live
  wait_for 10 is_state b live
  stream-simulcast add demo c=@file:secret/key
  stream-simulcast add demo c=@file:secret/key
  wait_for 10 is_state c live
  run ! stream-simulcast add demo c=rtmp://127.0.0.1:$port/live/other
  stream-simulcast remove demo a
  run stream-simulcast list demo
  refute_output "a  "
  stream-simulcast pause demo b
  wait_for 5 is_state b paused
  stream-simulcast resume demo b
  wait_for 10 is_state b live
  run stream-simulcast remove demo nobody
  assert_status 2
  stop simulcast
  assert_status 0
  # c was there all the time: no picture is missing.
  conn=$(jq -rs '[.[] | select(.event == "publish" and .name_length > 5)][0].conn' one.out)
  run flash_beep.py --max-ms 20 --min-pairs 1 one/$conn.flv
  assert_status 0
  awk '$1 == "video" { if (n++ > 1 && $2 - last > 40) bad = 1; last = $2 } END { exit bad || n < 30 }' one/$conn.times
}

@test "changes survive a restart" {
  port=$(free_port)
  sink one "$port"
  simulcast --to a=rtmp://127.0.0.1:$port/live/a --to b=rtmp://127.0.0.1:$port/live/b
  wait_for 10 is_state a live
  stream-simulcast add demo c=rtmp://127.0.0.1:$port/live/c
  stream-simulcast remove demo a
  stream-simulcast pause demo b
  kill -KILL "$(pid simulcast)"
  wait_exit simulcast
  stop live_input
  simulcast --to a=rtmp://127.0.0.1:$port/live/a --to b=rtmp://127.0.0.1:$port/live/b
  wait_for 10 is_state c live
  assert_equal "paused" "$(field b state)"
  assert_equal "" "$(field a state)"
}

@test "a changed key is used by the next connection; set and resume bring a refused one back" {
  port=$(free_port)
  sink one "$port" --script reject:NetStream.Publish.Denied,good
  (umask 077 && echo "rtmp://127.0.0.1:$port/live/wrong" >secret/url)
  simulcast --to a=@file:secret/url
  wait_for 10 is_state a refused
  run field a last_error
  assert_output "NetStream.Publish.Denied"
  echo "rtmp://127.0.0.1:$port/live/right-one" >secret/url
  stream-simulcast resume demo a
  wait_for 10 is_state a live
  at_sink one '.event == "publish" and .name_length == 9'
}

@test "keys appear nowhere, whatever happens" {
  port=$(free_port) no=$(free_port)
  sink one "$port"
  sink two "$no" --script reject:NetStream.Publish.BadName
  (umask 077 && echo "rtmp://127.0.0.1:$no/live/$(canary)?x=1" >secret/url && canary >secret/bare)
  simulcast --to a=@file:secret/url --to b=rtmp://127.0.0.1:$port/app,key=@file:secret/bare \
    --to dead=rtmp://127.0.0.1:1/app,key=@file:secret/bare -vv
  wait_for 10 is_state a refused
  wait_for 10 is_state b live
  stream-simulcast list demo --json >list.json
  stream-ctl status demo --json >status.json
  stream-ctl call demo simulcast metrics >metrics.txt
  grep -q 'stream_destination_up{stream=."demo.",destination=."b."} 1' metrics.txt
  tr '\0' ' ' <"/proc/$(pid simulcast)/cmdline" >cmdline.txt
  stream-simulcast pause demo b
  stop simulcast
  # teardown looks for the canary in all of it
}

@test "our own ingest that saw no media for a while, or was started anew, has the stream again" {
  port=$(free_port)
  own() { start own stream-ingest --listen "rtmp://127.0.0.1:$port/live" --open own --idle-timeout 1s --events "$T/own$1"; }
  own 1
  wait_for 10 port_open "$port"
  simulcast --to "a=rtmp://127.0.0.1:$port/live/own"
  wait_for 20 is_state a live
  kill -STOP "$(pid live_input)"
  wait_for 10 has_event own1 publisher.disconnected
  wait_for 10 saw a backoff
  kill -CONT "$(pid live_input)"
  wait_for 20 is_state a live
  stop own
  own 2
  wait_for 20 has_event own2 publisher.connected
  wait_for 20 is_state a live
  run ! saw a refused
}

@test "a key on the command line is refused; so are addresses that are none" {
  run stream-simulcast -i x --to a=rtmp://h/live/live_123456_abcdefGHIJKL
  assert_status 2
  assert_output "everybody on this machine can read it" "@file:PATH"
  refute_output "live_123456_abcdefGHIJKL"
  run stream-simulcast -i x --to a=http://h/x
  assert_status 2
  run stream-simulcast -i x --to rtmp://h/app/key
  assert_status 2
  run stream-simulcast -i x --to a=rtmp://h/app/k,profile=twich
  assert_status 2
  assert_output "twitch"
  run stream-simulcast -i x --to a=rtmp://h/app/k --to a=rtmp://h/app/k
  assert_status 2
}

@test "test says what the other side answers, and publishes nothing" {
  port=$(free_port)
  sink one "$port" --script good,reject:NetStream.Publish.BadName,reject-connect:NetConnection.Connect.Rejected
  run stream-simulcast test a=rtmp://127.0.0.1:$port/live/a
  assert_status 0
  assert_output "takes the publication"
  run stream-simulcast test a=rtmp://127.0.0.1:$port/live/a
  assert_status 11
  assert_output "NetStream.Publish.BadName"
  run stream-simulcast test a=rtmp://127.0.0.1:$port/live/a --json
  assert_status 11
  run stream-simulcast test a=rtmp://127.0.0.1:1/live/a
  assert_status 10
  assert_output "refused"
  at_sink one '.event == "end" and .video == 0'
}

@test "a stream that a platform does not take is refused with the remedy before anything is sent" {
  port=$(free_port)
  sink one "$port"
  ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=30:d=12 -c:v mpeg4 -f nut mpeg4.nut
  ffmpeg -v error -f lavfi -i testsrc2=s=3840x2160:r=5:d=6 -c:v libx264 -preset ultrafast -g 10 -f nut big.nut
  start simulcast stream-simulcast -i big.nut --name demo --events "$T/events" \
    --to a=rtmp://127.0.0.1:$port/live/a,profile=twitch
  wait_for 10 saw a refused
  jq -es 'any(.[]; .event == "destination.unfit" and .refused and (.reason | test("1080 lines")) and (.remedy != ""))' events
  assert_equal 0 "$(count_at_sink one '.event == "accept"')"
  wait_exit simulcast
  assert_status 11
}

@test "the input goes for a while: sessions stay, times go on" {
  port=$(free_port)
  sink one "$port" --record one
  start bus stream-ingest --pull "$(clip flash_4s)" --realtime --name demo
  start simulcast stream-simulcast -i bus:demo --events "$T/events" --hold 30s --slate \
    --to a=rtmp://127.0.0.1:$port/live/a
  wait_for 10 saw a live
  wait_exit bus
  wait_for 15 has_event events input.lost
  start bus stream-ingest --pull "$(clip flash_4s)" --realtime --name demo
  wait_for 15 has_event events input.returned
  wait_exit bus 15
  stop simulcast
  run ! saw a stalled
  assert_equal 1 "$(count_at_sink one '.event == "publish"')"
  wait_for 5 at_sink one '.event == "end"'
  awk '$1 == "video" { if ($2 < last) bad = 1; last = $2 } END { exit bad || last < 8000 }' one/1.times
  run ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 one/1.flv
  [ "$output" -ge 230 ]
}

@test "an input that ends ends the destinations in order" {
  port=$(free_port)
  sink one "$port"
  run stream-simulcast -i "$(clip flash_4s)" --to a=rtmp://127.0.0.1:$port/live/a
  assert_status 0
  wait_for 5 at_sink one '.event == "deleteStream"'
  at_sink one '.event == "end" and .video == 120'
  run stream-simulcast -i absent.mp4 --to a=rtmp://127.0.0.1:$port/live/a
  assert_status 1
  run stream-simulcast -i bus:nobody --to a=rtmp://127.0.0.1:$port/live/a
  assert_status 7
}

@test "an end before a destination was live says so" {
  port=$(free_port)
  sink one "$port" --script silent-publish
  run stream-simulcast -q -i "$(clip flash_4s)" --to a=rtmp://127.0.0.1:$port/live/a --duration 300ms
  assert_status 10
  assert_output "destination a was never live; when the end came it was"
}
