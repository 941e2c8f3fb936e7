# stream-record: what is in the files, when they end and how they are named.
load ../support/common

# The only file of a recording in directory $1.
the_file() {
  local files=("$1"/*.mp4)
  [ ${#files[@]} -eq 1 ] || fail "${#files[@]} files in $1"
  echo "${files[0]}"
}

# Opens without a word from FFmpeg, all of it.
plays() {
  local words
  words=$(ffmpeg -nostdin -v warning -i "$1" -fps_mode passthrough -enc_time_base -1 -f null - 2>&1) || fail "$1 can't be decoded: $words"
  [ -z "$words" ] || fail "$1: $words"
}

# A live source: the clip in real time, over and over.
live_source() { exec ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_4s)" -c copy -f nut "$@"; }

live_recording() {
  mkfifo "$T/pipe"
  start source bash -c "$(declare -f live_source clip); live_source -y '$T/pipe'"
  start record bash -c "exec stream-record -i - -o rec --events ev.ndjson $* <'$T/pipe'"
}

@test "a file is recorded packet for packet, and ends as an ordinary MP4" {
  stream-record -i "$(clip flash_4s)" -o rec >manifest.json
  file=$(the_file rec)
  plays "$file"
  media_compare.py "$(clip flash_4s)" "$file" --max-ms 0.1
  schema_check.py manifest.json
  assert_json manifest.json '.complete and .reason == "the input ended" and .files[0].tracks[0].samples == 120'
  assert_equal "$(jq -S . manifest.json)" "$(jq -S . "${file%.mp4}.json")"
  [ "$(stat -c %s "$file")" = "$(jq .files[0].size_bytes manifest.json)" ]
  # The index is in front, and no moof is left for a reader to see.
  assert_equal "$(boxes "$file")" "ftyp free free moov mdat"
}

@test "--dry-run prints the manifest that a recording would begin with, and makes nothing" {
  stream-record -i "$(clip flash_4s)" -o rec/new --tracks video,audio -n >dry.json
  [ ! -e rec ]
  schema_check.py dry.json
  assert_json dry.json '.dry_run and .files[0].tracks[0].codec == "h264" and .files[1].tracks[0].codec == "aac"'
  run --separate-stderr stream-record -i "$(clip flash_4s)" -o rec/x.webm -n
  assert_status 3
  [[ "$stderr" == *"not h264"* ]]
  touch file
  run --separate-stderr stream-record -i "$(clip flash_4s)" -o file/rec --dry-run
  local dry=$status
  run --separate-stderr stream-record -i "$(clip flash_4s)" -o file/rec
  assert_equal "$dry" "$status"
}

boxes() { python3 -c 'import sys, struct
f = open(sys.argv[1], "rb"); at = 0; names = []
while True:
    f.seek(at); head = f.read(16)
    if len(head) < 8: break
    size, kind = struct.unpack(">I4s", head[:8])
    if size == 1: size = struct.unpack(">Q", head[8:])[0]
    names.append(kind.decode()); at += size
print(*names)' "$1"; }

@test "flashes and beeps are where they were" {
  stream-record -i "$(clip flash_10s)" -o rec >/dev/null
  flash_beep.py "$(the_file rec)" --max-ms 20 --min-pairs 9
}

@test "a pipe of NUT, of MPEG-TS and of Matroska" {
  for format in nut mpegts matroska; do
    ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c copy -f $format media
    stream-record -i - -o $format <media >/dev/null
    file=$(the_file $format)
    plays "$file"
    media_compare.py media "$file" --decode --max-ms 2 || fail $format
    rm media
  done
}

@test "sound alone and picture alone" {
  stream-record -i "$(clip audio_only)" -o sound >/dev/null
  stream-record -i "$(clip video_only)" -o picture >/dev/null
  media_compare.py "$(clip audio_only)" "$(the_file sound)" --max-ms 0.1
  media_compare.py "$(clip video_only)" "$(the_file picture)" --max-ms 0.1
  plays "$(the_file sound)"
  plays "$(the_file picture)"
}

@test "other codecs" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=d=2:r=48000 -pix_fmt yuv420p \
    -c:v libx265 -preset ultrafast -x265-params log-level=0 -c:a libopus -f nut hevc_opus.nut
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=d=2:r=48000 -pix_fmt yuv420p \
    -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a ac3 -f nut vp9_ac3.nut
  ffmpeg -nostdin -v error -f lavfi -i sine=d=2:r=44100 -c:a flac -f nut flac.nut
  ffmpeg -nostdin -v error -f lavfi -i sine=d=2:r=44100 -c:a libmp3lame -f nut mp3.nut
  for name in hevc_opus vp9_ac3 flac mp3; do
    stream-record -i $name.nut -o $name >/dev/null
    # The encoder's start codes became lengths: pictures are compared, not packets.
    media_compare.py $name.nut "$(the_file $name)" --decode --max-ms 1 || fail $name
    plays "$(the_file $name)"
  done
}

@test "--duration ends it, exit code 0" {
  stream-record -i "$(clip flash_10s)" -o rec --duration 3s >manifest.json
  assert_json manifest.json '.reason == "the duration was reached" and (.duration_seconds - 3 | fabs) < 0.1'
  plays "$(the_file rec)"
}

@test "SIGTERM ends it with 0, SIGINT with 130, both complete within 5 s" {
  for signal in TERM INT; do
    rm -rf rec pipe ev.ndjson
    live_recording
    wait_for 10 has_event ev.ndjson file.opened
    begin=$SECONDS
    stop record $signal
    [ $((SECONDS - begin)) -le 5 ]
    if [ $signal = TERM ]; then assert_status 0; else assert_status 130; fi
    assert_json record.out '.complete and .reason == "stopped"'
    plays "$(the_file rec)"
    stop source
    assert_json <(tail -n 1 ev.ndjson) '.event == "exit"'
  done
}

@test "SIGHUP never ends a recording" {
  live_recording
  wait_for 10 has_event ev.ndjson file.opened
  kill -HUP "$(pid record)"
  size=$(stat -c %s rec/*.mp4)
  wait_for 5 bash -c "[ \$(stat -c %s rec/*.mp4) -gt $((size + 100000)) ]"
  running record
  stop record
  assert_status 0
}

# stuck_ending: a recorder whose end takes long: its disk needs 10 s to sync once `slow` is there.
stuck_ending() {
  slow_disk
  export LD_PRELOAD=$T/slow.so SLOW_DISK=10 SLOW_DISK_WHEN=$T/slow
  live_recording
  unset LD_PRELOAD SLOW_DISK SLOW_DISK_WHEN
  wait_for 10 has_event ev.ndjson file.opened
  wait_for 10 bash -c '[ "$(stat -c %s rec/*.mp4)" -gt 300000 ]'
  touch slow
}

@test "C05: a second SIGTERM, or SIGKILL, stops at once what is being finished, and the file plays" {
  local second
  for second in TERM KILL; do
    rm -rf rec pipe ev.ndjson slow slow.begun
    stuck_ending
    kill -TERM "$(pid record)"
    wait_for 10 has_event ev.ndjson service.stopping
    wait_for 5 test -e slow.begun
    # Copies of a signal within half a second are one.
    sleep 0.6
    kill -$second "$(pid record)"
    wait_exit record 3
    if [ $second = TERM ]; then assert_status 143; else assert_status 137; fi
    stop source
    plays "$(the_file rec)"
    # Whoever records there next puts the manifest right.
    stream-record -q -i "$(clip flash_4s)" -o rec >/dev/null
    assert_json <(jq -s '[.[] | select(.state == "finished" or .reason == "the recorder died")] | length' rec/*.json) '. == 2'
  done
}

@test "C05: as the first process of a container it is stopped by SIGTERM all the same" {
  [ "$(id -u)" = 0 ] && unshare --pid --fork true 2>/dev/null || skip "needs a space of process numbers of its own"
  mkfifo "$T/pipe"
  start source bash -c "$(declare -f live_source clip); live_source -y '$T/pipe'"
  start record bash -c "exec unshare --pid --fork stream-record -i - -o rec --events ev.ndjson <'$T/pipe'"
  wait_for 10 has_event ev.ndjson file.opened
  kill -TERM "$(pgrep -P "$(pid record)")"
  wait_exit record 6
  assert_status 0
  assert_json record.out .complete
  plays "$(the_file rec)"
}

@test "the file can be played while it grows" {
  live_recording
  wait_for 10 bash -c '[ "$(ffprobe -v error -show_entries packet=pts -select_streams v -of csv=p=0 rec/*.mp4 | wc -l)" -gt 40 ]'
  plays rec/*.mp4
  running record
}

@test "another picture size in mid-stream begins a new file, and no picture is lost" {
  "$(command -v python3)" - <<'PY'
import os, subprocess
clip = lambda name: subprocess.check_output([os.environ["SUPPORT"] + "/clips.sh", name], text=True).strip()
with open("list.txt", "w") as f:
    f.write(f"file '{clip('flash_4s')}'\nfile '{clip('flash_720p')}'\n")
PY
  # Only NUT with timestamped syncpoints carries new codec configuration in mid-stream.
  ffmpeg -nostdin -v error -f concat -safe 0 -i list.txt -c copy -strict experimental -syncpoints timestamped -f nut change.nut
  stream-record -i change.nut -o rec >manifest.json
  assert_json manifest.json '.files | length == 2'
  assert_json manifest.json '.files[0].tracks[0].width == 640 and .files[1].tracks[0].width == 1280'
  assert_json manifest.json '[.files[].tracks[0].samples] | add == 420'
  while read -r path; do plays "rec/$path"; done < <(jq -r '.files[].path' manifest.json)
}

@test "record.split begins a new file with a keyframe, and nothing is lost" {
  live_recording --name demo
  wait_for 10 has_event ev.ndjson file.opened
  printf '{"jsonrpc":"2.0","id":1,"method":"record.split"}\n' | socat -t 2 - UNIX-CONNECT:"$STREAM_RUNTIME_DIR/demo/record.sock"
  wait_for 10 has_event ev.ndjson file.closed
  wait_for 10 bash -c '[ "$(ls rec/*.mp4 | wc -l)" -eq 2 ]'
  stop record
  assert_json record.out '.complete and (.files | length == 2) and .files[0].reason == "split on request"'
  for file in rec/*.mp4; do plays "$file"; done
}

@test "what is there is never overwritten" {
  for n in 1 2 3; do start r$n stream-record -i "$(clip flash_4s)" -o rec --duration 1s; done
  for n in 1 2 3; do wait_exit r$n; done
  [ "$(find rec -name '*.mp4' | wc -l)" -eq 3 ]
  for file in rec/*.mp4; do plays "$file"; done
  [ -z "$(find rec -name '*.tmp*')" ]
}

@test "one recorder per stream name" {
  live_recording --name demo
  wait_for 10 has_event ev.ndjson file.opened
  run stream-record -i "$(clip flash_4s)" -o other --name demo
  assert_status 15
  [ ! -e other ] || [ -z "$(ls other)" ]
}

@test "stop and start in quick succession leave nothing behind" {
  for n in 1 2 3 4 5 6 7 8; do
    start "r$n" stream-record -i "$(clip flash_10s)" -o rec --name demo
    sleep "0.0$n"
    stop "r$n"
    [[ $status =~ ^(0|143)$ ]] || fail "exit code $status"
  done
  for file in rec/*.mp4; do [ ! -e "$file" ] || plays "$file"; done
  [ -z "$(find rec -name '*.tmp*')" ]
  [ -z "$(find "$STREAM_RUNTIME_DIR" -name '*.sock')" ]
}

@test "errors name the value, the reason and the next step" {
  run stream-record -i nothing.mp4 -o rec
  assert_status 1
  assert_output "nothing.mp4" "No such file" "hint:"
  run stream-record -i bus:absent -o rec
  assert_status 7
  assert_output "bus:absent" "hint:"
  touch file
  run stream-record -i "$(clip flash_4s)" -o file
  [ "$status" -ne 0 ]
  assert_output "file" "hint:"
  run stream-record -i "$(clip flash_4s)" -o rec --duration 5
  assert_status 2
  run stream-record -i "$(clip flash_4s)" -o -
  assert_status 2
  assert_output "directory"
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=d=1:s=320x180 -c:v mpeg2video -f nut mpeg2.nut
  run stream-record -i mpeg2.nut -o rec
  assert_status 3
  assert_output "mpeg2video" "hint:"
  run stream-record -i "$(clip flash_4s)" -o rec/a.webm
  assert_status 3
  assert_output "h264" "hint:"
  run stream-record -i "$(clip flash_4s)" -o 'rec/%Q.mp4'
  assert_status 2
  assert_output "%Q" "hint:"
  for wrong in "--split 5" "--split 10kB" "--until noon" "--thumbnail 10ms" "--pre-roll 5s" "--follow"; do
    run stream-record -i "$(clip flash_4s)" -o rec $wrong
    assert_status 2
    assert_output "hint:"
  done
}

# Times as other programs may write them. Bent in FLV, whose tags hold any time.
@test "I11: a pipe and a file with wrong times become one file without a gap, in sync" {
  load ../support/ingest
  local bend file input
  for bend in --outlier=60:-10000 --outlier=60:-9800000 --outlier=60:37600000 --jump=5000:-10000 --jump=5000:3600000; do
    rtmp_peer.py write "$(clip flash_flv)" --first 20000000 $bend >bent.flv
    for input in - bent.flv; do
      rm -rf rec
      cat bent.flv | stream-record -i $input -o rec >manifest.json
      assert_json manifest.json '.complete and (.files | length == 1)'
      assert_json manifest.json ".files[0].discontinuities == $([[ $bend == --jump* ]] && echo 2 || echo 0)"
      file=$(the_file rec)
      plays "$file"
      diff <(packet_hashes "$(clip flash_flv)" v) <(packet_hashes "$file" v)
      less "$(biggest_gap "$file" v)" 0.07
      less "$(biggest_gap "$file" a)" 0.05
      run flash_beep.py --max-ms 20 --min-pairs 9 "$file"
      assert_status 0
    done
  done
}

@test "a gap in a file stays in its recording, and sound and picture together" {
  load ../support/ingest
  rtmp_peer.py write "$(clip flash_flv)" --jump=5000:30000 >gap.flv
  stream-record -i gap.flv -o rec >manifest.json
  assert_json manifest.json '.files[0].discontinuities == 0 and (.files[0].duration_seconds - 40 | fabs < 0.1)'
  diff <(packet_hashes "$(clip flash_flv)" v) <(packet_hashes "$(the_file rec)" v)
  run flash_beep.py --max-ms 20 --min-pairs 9 "$(the_file rec)"
  assert_status 0
}

@test "I13: a split that no keyframe allows is told once, recording goes on, and stop is quick" {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=30 -t 60 -c:v libx264 -preset ultrafast \
    -g 9999 -sc_threshold 0 -f nut long.nut
  mkfifo pipe
  # Faster than real time, as nothing here is about it; the pipe stays open at the end.
  start source bash -c "exec >pipe; cat long.nut; exec sleep 1000"
  start record bash -c "exec stream-record -i - -o rec --name demo --split 10s --events ev.ndjson <pipe"
  wait_for 20 has_event ev.ndjson recording.split_late
  jq -es '[.[] | select(.event == "recording.split_late")] | length == 1 and
    (.[0] | .asked == "--split 10s" and .keyframe_seconds >= 15 and (.knob | test("keyframe interval")))' ev.ndjson
  grep -q -- "--split 10s waits for a keyframe: the source has sent none for 15 s" record.err
  recorded() { stream-ctl status demo --json | jq -e '.. | .recorded_seconds? // empty | . > 55'; }
  wait_for 20 recorded
  local begin=$SECONDS
  stop record
  assert_equal "$status" 0
  [ $((SECONDS - begin)) -le 5 ]
  assert_equal "$(grep -c recording.split_late ev.ndjson)" 1
  plays "$(the_file rec)"
  assert_json record.out '.complete and .files[0].tracks[0].samples == 1800'
}
