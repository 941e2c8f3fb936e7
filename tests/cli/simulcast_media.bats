# ctest: timeout=300
# stream-simulcast and the media that it makes: encodings, sound for platforms, files, slates.
load ../support/common
load ../support/simulcast

key_file() {
  (umask 077 && canary >secret/key)
  echo "@file:$T/secret/key"
}

# audio_packets FILE: a hash of the sound as it stands there
audio_packets() { ffmpeg -v error -i "$1" -map 0:a -c copy -f hash -hash md5 -; }
video_packets() { ffmpeg -v error -i "$1" -map 0:v -c copy -f hash -hash md5 -; }

@test "sound that is not AAC becomes AAC once for all, in sync; pictures are copied" {
  port=$(free_port)
  sink one "$port" --record one
  ffmpeg -v error -i "$(clip flash_10s)" -c:v copy -c:a libopus -b:a 96k opus.mkv
  stream-simulcast -i opus.mkv --to a=rtmp://127.0.0.1:$port/live/a --to b=rtmp://127.0.0.1:$port/live/b 2>err
  wait_for 5 test "$(count_at_sink one '.event == "end"')" = 2
  for file in one/1.flv one/2.flv; do
    assert_equal aac "$(ffprobe -v error -select_streams a -show_entries stream=codec_name -of csv=p=0 $file)"
    run flash_beep.py --max-ms 20 --min-pairs 9 $file
    assert_status 0
    media_compare.py --decode "$(clip flash_10s)" $file >compared || true
    assert_json compared '.v.same_order and .v.missing == 0 and .v.extra == 0'
  done
  assert_equal "$(audio_packets one/1.flv)" "$(audio_packets one/2.flv)"
}

@test "I11: what comes in a pipe with wrong times goes on at once, whole and in sync" {
  load ../support/ingest
  port=$(free_port)
  sink one "$port" --record one
  local bend n=0
  for bend in --outlier=60:37600000 --jump=5000:3600000; do
    rtmp_peer.py write "$(clip flash_flv)" --first 20000000 $bend >bent.flv
    stream-simulcast -i - --to a=rtmp://127.0.0.1:$port/live/a <bent.flv 2>err
    n=$((n + 1))
    wait_for 5 test "$(count_at_sink one '.event == "end"')" = $n
    assert_equal "$(video_packets one/$n.flv)" "$(video_packets "$(clip flash_flv)")"
    run flash_beep.py --max-ms 20 --min-pairs 9 one/$n.flv
    assert_status 0
  done
}

@test "HEVC over Enhanced RTMP: to who announces it, and unasked only when told" {
  port=$(free_port) ingest_port=$(free_port)
  ffmpeg -v error -i "$(clip flash_4s)" -map 0:v -c:v libx265 -preset ultrafast -x265-params log-level=0:keyint=30 \
    -bf 0 -f nut hevc.nut
  sink one "$port" --record one
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$ingest_port/live" --open there -o there.nut
  wait_for 5 port_open "$ingest_port"
  run stream-simulcast -i hevc.nut --name demo --events "$T/events" --to mute="rtmp://127.0.0.1:$port/live/x" \
    --to told="rtmp://127.0.0.1:$port/live/y,enhanced=always" --to ours="rtmp://127.0.0.1:$ingest_port/live/there"
  assert_status 13
  saw mute refused '.reason | test("does not announce the codec hvc1.*enhanced=always")'
  assert_equal 1 "$(count_at_sink one '.event == "publish"')"
  wait_for 5 at_sink one '.event == "end" and .video > 100'
  python3 - one/*.flv <<'END'
import sys
data = open(sys.argv[1], "rb").read()
at, kinds = 13, []
while at < len(data):
    size = int.from_bytes(data[at + 1:at + 4], "big")
    if data[at] == 9:
        kinds.append((data[at + 11] & 0x80, data[at + 12:at + 16]))
    at += 11 + size + 4
assert len(kinds) > 100 and set(kinds) == {(0x80, b"hvc1")}, set(kinds)
END
  stop ingest
  media_compare.py --decode hevc.nut there.nut >compared || true
  assert_json compared '.v.same_order and .v.missing == 0 and .v.extra == 0'
}

@test "destinations with equal settings share one encoding; the others are copied" {
  port=$(free_port)
  sink one "$port" --record one
  start simulcast stream-simulcast -i "$(clip flash_10s)" --name demo --events "$T/events" \
    --to a=rtmp://127.0.0.1:$port/live/a,video=240p@300k,preset=ultrafast \
    --to b=rtmp://127.0.0.1:$port/live/b,encode=always,video=240p@300k,preset=ultrafast \
    --to c=rtmp://127.0.0.1:$port/live/c
  wait_for 10 is_state a live
  stream-simulcast list demo --json >list
  assert_json list '.encodings | length == 1'
  assert_json list '.encodings[0].destinations == ["a", "b"] and .encodings[0].height == 240'
  assert_json list '[.destinations[].video] == ["240p@300k,preset=ultrafast", "240p@300k,preset=ultrafast", "copy"]'
  run stream-simulcast list demo
  assert_output "encoding 240p@300k,preset=ultrafast for a b"
  wait_exit simulcast
  wait_for 5 test "$(count_at_sink one '.event == "end"')" = 3
  sizes=
  for file in one/1.flv one/2.flv one/3.flv; do
    run flash_beep.py --max-ms 20 --min-pairs 9 $file
    assert_status 0
    sizes="$sizes $(ffprobe -v error -select_streams v -show_entries stream=height -of csv=p=0 $file):$(video_packets $file)"
  done
  # Two hashes: the one of the encoding twice, the copy's once.
  assert_equal 2 "$(tr ' ' '\n' <<<"$sizes" | grep -c '^240:')"
  assert_equal 2 "$(tr ' ' '\n' <<<"$sizes" | grep -v '^$' | sort -u | wc -l)"
  assert_equal 1 "$(jq -r .event events | grep -c '^encode.started$')"
}

@test "encode=auto: what fits is copied, what does not is encoded" {
  port=$(free_port)
  sink one "$port"
  key=$(key_file)
  simulcast --to fits=rtmp://127.0.0.1:$port/app,key=$key,profile=twitch,encode=auto \
    --to large=rtmp://127.0.0.1:$port/app,key=$key,encode=auto,video=180p@200k,preset=ultrafast
  wait_for 10 is_state fits live
  wait_for 10 is_state large live
  assert_equal copy "$(field fits video)"
  assert_equal 180p@200k,preset=ultrafast "$(field large video)"
  run ! saw large unfit
  stop simulcast
}

@test "an encoding is given up when its last destination goes, and comes with the first" {
  port=$(free_port)
  sink one "$port"
  key=$(key_file)
  simulcast --to a=rtmp://127.0.0.1:$port/live/a
  wait_for 10 is_state a live
  stream-simulcast list demo --json >list
  assert_json list '.encodings == []'
  run ! stream-simulcast add demo bad=rtmp://127.0.0.1:$port/app,key=$key,encode=perhaps
  stream-simulcast add demo b=rtmp://127.0.0.1:$port/app,key=$key,video=180p@200k
  wait_for 10 is_state b live
  stream-simulcast list demo --json >list
  assert_json list '[.encodings[].name] == ["180p@200k"]'
  stream-simulcast remove demo b
  stream-simulcast list demo --json >list
  assert_json list '.encodings == []'
  wait_for 5 is_state a live
  stop simulcast
  assert_status 0
}

# monotonic FILE: decoding times rise strictly within each track
monotonic() {
  ffprobe -v error -show_entries packet=stream_index,dts -of csv=p=0 "$1" |
    awk -F, 'NF < 2 { next } ($1 in last) && $2 <= last[$1] { print; bad = 1 } { last[$1] = $2 } END { exit bad || NR < 100 }'
}

@test "--slate: the last picture and silence while the input is away, then it goes on" {
  port=$(free_port)
  sink one "$port" --record one
  start bus stream-ingest --pull "$(clip flash_4s)" --realtime --name demo
  start simulcast stream-simulcast -i bus:demo --events "$T/events" --hold 30s --slate \
    --to a=rtmp://127.0.0.1:$port/live/a \
    --to e=rtmp://127.0.0.1:$port/live/e,video=180p@200k,preset=ultrafast
  wait_for 10 saw a live
  wait_exit bus
  wait_for 15 has_event events input.lost
  before=$(field a sent_pictures)
  more_pictures() { [ "$(field a sent_pictures)" -gt $((before + 60)) ]; }
  wait_for 10 more_pictures
  start bus stream-ingest --pull "$(clip flash_4s)" --realtime --name demo
  wait_for 15 has_event events input.returned
  wait_exit bus 15
  stop simulcast
  run ! saw a stalled
  assert_equal 2 "$(count_at_sink one '.event == "publish"')"
  wait_for 5 test "$(count_at_sink one '.event == "end"')" = 2
  for n in 1 2; do
    monotonic one/$n.flv
    ffmpeg -v error -xerror -i one/$n.flv -f null - 2>decoding
    [ ! -s decoding ]
    # The flashes of both sittings, in sync; between them neither flash nor beep, but pictures.
    flash_beep.py one/$n.flv >seen
    assert_json seen '.pairs >= 6 and .max_abs_ms <= 20 and (.gaps | length) == 1 and .gaps[0] > 2'
    ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 one/$n.flv |
      sort -n | awk 'NR > 1 && $1 - last > 1.2 { bad = 1 } { last = $1 } END { exit bad || NR < 270 }'
  done
}

@test "--slate through nginx: its recording is one stream whose time goes on" {
  [ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ] || skip "no nginx with the RTMP module"
  port=$(free_port)
  mkdir ng
  chmod 777 ng
  cat >nginx.conf <<END
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
$([ "$(id -u)" != 0 ] || echo "user root;") worker_processes 1; daemon off; pid $T/ng/pid; error_log $T/ng/error.err warn;
events { worker_connections 64; }
rtmp { server { listen 127.0.0.1:$port; application live { live on; record all; record_path $T/ng; } } }
END
  start nginx nginx -p "$T/ng" -c "$T/nginx.conf"
  wait_for 5 port_open "$port"
  start bus stream-ingest --pull "$(clip flash_4s)" --realtime --name demo
  start simulcast stream-simulcast -i bus:demo --events "$T/events" --hold 30s --slate --to a=rtmp://127.0.0.1:$port/live/a
  wait_for 10 saw a live
  wait_exit bus
  wait_for 15 has_event events input.lost
  before=$(field a sent_pictures)
  more_pictures() { [ "$(field a sent_pictures)" -gt $((before + 60)) ]; }
  wait_for 10 more_pictures
  start bus stream-ingest --pull "$(clip flash_4s)" --realtime --name demo
  wait_for 15 has_event events input.returned
  wait_exit bus 15
  stop simulcast
  stop nginx
  mv ng/*.flv got.flv
  ffmpeg -v error -xerror -i got.flv -f null - 2>decoding
  [ ! -s decoding ]
  flash_beep.py got.flv >seen
  assert_json seen '.pairs >= 6 and .max_abs_ms <= 20 and (.gaps | length) == 1 and .gaps[0] > 2'
  ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 got.flv |
    sort -n | awk 'NR > 1 && $1 - last > 1.2 { bad = 1 } { last = $1 } END { exit bad || NR < 200 }'
}

@test "files: FLV, MPEG-TS and Matroska hold what went in; nothing is written over" {
  for kind in flv ts mkv; do
    touch "rec.$kind"
  done
  rm rec.ts
  stream-simulcast -i "$(clip flash_4s)" --to f=file:$T/rec.flv --to t=file:$T/rec.ts --to m=file:$T/rec.mkv 2>err
  [ ! -s rec.flv ]
  for file in rec-2.flv rec.ts rec-2.mkv; do
    media_compare.py --decode --max-ms 20 "$(clip flash_4s)" $file >compared || true
    assert_json compared '.v.same_order and .v.missing == 0 and .v.extra == 0 and .v.max_shift_ms <= 20'
    run flash_beep.py --max-ms 20 --min-pairs 4 $file
    assert_status 0
  done
}

@test "files: what can't be written is said, and the others go on" {
  mkdir shut
  chmod 500 shut
  mkdir small
  simulcast --to shut=file:$T/nowhere/a.flv --to good=file:$T/good.mkv
  wait_for 10 is_state good live
  assert_equal refused "$(field shut state)"
  [[ "$(field shut last_error)" == *"No such file or directory"* ]]
  run ! stream-simulcast add demo bad=file:relative.flv
  run ! stream-simulcast add demo bad=file:/tmp/x.avi
  if mount -t tmpfs -o size=300k none small 2>/dev/null; then
    stream-simulcast add demo full=file:$T/small/a.flv
    wait_for 20 saw full backoff '(.reason | contains("No space left"))'
    umount -l small
  fi
  is_state good live
  stop simulcast
  assert_status 13
  run flash_beep.py --max-ms 20 --min-pairs 1 good.mkv
  assert_status 0
}

@test "test --slate publishes a second, and says what the other side said" {
  port=$(free_port)
  sink one "$port" --script good,close:0.5 --record one
  run stream-simulcast test --insecure-argv --slate a=rtmp://127.0.0.1:$port/live/a
  assert_status 0
  assert_output "takes the publication and a second of media"
  wait_for 5 at_sink one '.event == "end" and .video == 25 and .audio > 40'
  ffmpeg -v error -xerror -i one/1.flv -f null -
  run stream-simulcast test --insecure-argv --slate a=rtmp://127.0.0.1:$port/live/a
  assert_status 10
  assert_output "closed"
}

# pictures FILE: how many decode at each width, "1280:90 1920:90"
pictures() {
  ffprobe -v fatal -select_streams v -show_entries frame=width -of csv=p=0 "$1" | tr -d , | grep . | sort -n | uniq -c |
    awk '{ print $2 ":" $1 }' | paste -sd' '
}

@test "I09: the publisher changes the size of the picture: each output decodes, at both sizes" {
  port=$(free_port) ingest_port=$(free_port)
  for name in flash_720p flash_1080p; do ffmpeg -nostdin -v error -i "$(clip $name)" -t 3 -c copy $name.flv; done
  sink one "$port" --record one
  start ingest stream-ingest --listen "rtmp://127.0.0.1:$ingest_port/live" --open demo
  wait_for 5 port_open "$ingest_port"
  start simulcast stream-simulcast -i bus:demo --events "$T/events" --to copied=rtmp://127.0.0.1:$port/live/a \
    --to encoded=rtmp://127.0.0.1:$port/live/b,video=180p@300k,preset=ultrafast --to file=file:$T/file.mkv
  wait_for 10 has_event events destination.added  # it waits for the bus
  start peer rtmp_peer.py publish "$ingest_port" demo flash_720p.flv flash_1080p.flv --until 3000 --realtime
  wait_exit peer
  stop ingest
  wait_exit simulcast
  wait_for 5 test "$(count_at_sink one '.event == "end"')" = 2
  # The two publications began in no certain order; a Matroska file holds one configuration.
  # Who connects late begins a keyframe later; of what was there from the start nothing may be missing.
  for n in 1 2; do pictures one/$n.flv; done | sort >sizes
  [[ "$(sed -n 1p sizes)" =~ ^1280:(60|90)\ 1920:90$ && "$(sed -n 2p sizes)" =~ ^320:1[58]0$ ]] || fail "$(cat sizes)"
  [[ "$(pictures file.mkv) $(pictures file-2.mkv)" =~ ^1280:(60|90)\ 1920:90$ ]] || fail "$(pictures file.mkv) $(pictures file-2.mkv)"
  for file in one/1.flv one/2.flv file.mkv file-2.mkv; do
    ffmpeg -nostdin -v error -xerror -i $file -f null - 2>decoding
    [ ! -s decoding ]
  done
  run ! saw copied backoff
  assert_equal 2 "$(count_at_sink one '.event == "publish"')"
}
