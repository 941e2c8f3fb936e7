# stream-record: containers, names, splits, tracks apart, sessions and requests.
load ../support/common

plays() {
  local words
  words=$(ffmpeg -nostdin -v warning -i "$1" -fps_mode passthrough -enc_time_base -1 -f null - 2>&1) || fail "$1 can't be decoded: $words"
  [ -z "$words" ] || fail "$1: $words"
}

# The payload hashes of stream $1 (v or a) of the files that follow, one after another.
hashes() {
  local stream=$1 file
  shift
  for file in "$@"; do
    ffmpeg -nostdin -v error -i "$file" -map "0:$stream" -c copy -f framemd5 - | grep -v '^#' | awk -F', *' '{ print $6 }'
  done
}

# The files of the manifest $1 in their order, in directory $2.
files_of() { jq -r '.files[].path' "$1" | sed "s|^|$2/|"; }

live_source() { exec ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_4s)" -c copy -f nut "$@"; }

live_recording() {
  mkfifo "$T/pipe"
  start source bash -c "$(declare -f live_source clip); live_source -y '$T/pipe'"
  start record bash -c "exec stream-record -i - --events ev.ndjson $* <'$T/pipe'"
}

ask() { stream-ctl call "$1" record "$2" >/dev/null; }

@test "Matroska and MPEG-TS, by the name and by --format, with duration and index" {
  stream-record -i "$(clip flash_4s)" -o 'rec/%Y-%m.mkv' >mkv.json
  stream-record -i "$(clip flash_4s)" -o rec --format mpegts --name demo >ts.json
  mkv=rec/$(jq -r .files[0].path mkv.json) ts=rec/$(jq -r .files[0].path ts.json)
  [[ $mkv =~ ^rec/20[0-9]{2}-[0-9]{2}.mkv$ && $ts = rec/demo-*Z.ts ]] || fail "$mkv $ts"
  plays "$mkv"
  plays "$ts"
  media_compare.py "$(clip flash_4s)" "$mkv" --max-ms 1
  media_compare.py "$(clip flash_4s)" "$ts" --decode --max-ms 1 --streams v
  assert_equal "$(hashes a "$(clip flash_4s)" | wc -l)" "$(hashes a "$ts" | wc -l)"
  assert_json <(ffprobe -v error -show_entries format=duration -of json "$mkv") '.format.duration | tonumber > 3.9'
  for manifest in mkv.json ts.json; do
    schema_check.py $manifest
    assert_json $manifest '.complete and .recording_ready and (.sessions | length == 1) and .gaps == []'
    file=rec/$(jq -r .files[0].path $manifest)
    assert_equal "$(sha256sum <"$file" | cut -d' ' -f1)" "$(jq -r .files[0].sha256 $manifest)"
    assert_equal "$(stat -c %s "$file")" "$(jq .files[0].size_bytes $manifest)"
  done
  assert_json mkv.json '.files[0].format == "matroska"'
  assert_json ts.json '.files[0].format == "mpegts"'
}

@test "WebM copies VP9 and Opus, and encodes only the sound that it can't hold" {
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 30 -c:a copy -f nut vp9_aac.nut
  stream-record -i vp9_aac.nut -o rec/a.webm >manifest.json
  plays rec/a.webm
  assert_json manifest.json '[.files[0].tracks[].codec] == ["vp9", "opus"]'
  flash_beep.py rec/a.webm --max-ms 20 --min-pairs 3
  media_compare.py vp9_aac.nut rec/a.webm --streams v --max-ms 1
  ffmpeg -nostdin -v error -i rec/a.webm -c copy -f nut vp9_opus.nut
  stream-record -i vp9_opus.nut -o rec/b.webm >/dev/null
  media_compare.py vp9_opus.nut rec/b.webm --max-ms 1
}

@test "a split loses no packet and doubles none, by time and by size, in each container" {
  for output in a.mp4 b.mkv c.ts; do
    for split in 2s 1MiB; do
      rm -rf rec
      stream-record -i "$(clip flash_10s)" -o "rec/$output" --split $split >manifest.json
      mapfile -t files < <(files_of manifest.json rec)
      [ ${#files[@]} -ge 2 ] || fail "${#files[@]} files of $split in $output"
      for file in "${files[@]}"; do plays "$file"; done
      [ $split = 2s ] || [ "$(stat -c %s "${files[0]}")" -le 1048576 ]
      if [ $output = c.ts ]; then
        for stream in v a; do
          assert_equal "$(hashes $stream "$(clip flash_10s)" | wc -l)" "$(hashes $stream "${files[@]}" | wc -l)"
        done
      else
        for stream in v a; do
          assert_equal "$(hashes $stream "$(clip flash_10s)" | md5sum)" "$(hashes $stream "${files[@]}" | md5sum)"
        done
      fi
      assert_json manifest.json '.complete and .files[0].reason == "split"'
    done
  done
}

@test "picture and sound in files of their own" {
  stream-record -i "$(clip flash_4s)" -o rec --tracks video,audio >manifest.json
  schema_check.py manifest.json
  assert_json manifest.json '.complete and ([.files[].tracks[].kind] | sort == ["audio", "video"]) and (.sessions | length == 1)'
  media_compare.py "$(clip flash_4s)" rec/*-video.mp4 --streams v --max-ms 0.1
  media_compare.py "$(clip flash_4s)" rec/*-audio.mp4 --streams a --max-ms 0.1
  stream-record -i "$(clip flash_4s)" -o rec/only.mp4 --tracks audio >manifest.json
  assert_json manifest.json '[.files[].tracks[].kind] == ["audio"]'
}

@test "--until ends it" {
  mkfifo pipe
  start source bash -c "$(declare -f live_source clip); live_source -y '$T/pipe'"
  when=$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)
  stream-record -i - -o rec --until "$when" <pipe >manifest.json
  assert_json manifest.json '.complete and .reason == "the time was reached"'
}

@test "record.stop and record.start make sessions, with what was before" {
  live_recording -o rec --name demo --standby --pre-roll 4s
  wait_for 10 has_event ev.ndjson service.ready
  sleep 3
  [ -z "$(find rec -name '*.mp4')" ]
  ask demo record.start
  wait_for 5 has_event ev.ndjson file.opened
  ask demo record.stop
  wait_for 5 has_event ev.ndjson recording.ready
  manifest=$(jq -r 'select(.event == "recording.ready").manifest' ev.ndjson)
  schema_check.py "$manifest"
  assert_json "$manifest" '.recording_ready and .state == "waiting" and .sessions[0].reason == "stopped on request" and (.files[0].sha256 | length == 64)'
  # What came before the request is in it.
  assert_json "$manifest" '.files[0].duration_seconds > 2 and .files[0].duration_seconds < 8'
  ask demo record.start
  wait_for 5 bash -c '[ "$(find rec -name "*.mp4" | wc -l)" -eq 2 ]'
  stop record
  assert_json record.out '.complete and (.sessions | length == 2) and [.files[].session] == [1, 2]'
  for file in rec/*.mp4; do plays "$file"; done
}

# The test pattern on the bus for $1.
publish() { start "publisher$2" stream-ingest --test-pattern -o bus:demo --duration "$1" --size 320x180 --rate 25; }

@test "a publisher that comes back within the gap goes on in the same file, a later one in a new session" {
  start record stream-record -i bus:demo -o rec --follow --gap 3s --events ev.ndjson
  publish 3s 1
  wait_exit publisher1
  publish 3s 2
  wait_exit publisher2
  wait_for 15 has_event ev.ndjson recording.ready
  publish 3s 3
  wait_exit publisher3
  stop record
  schema_check.py record.out
  assert_json record.out '(.sessions | length == 2) and [.files[].session] == [1, 2] and (.gaps | length == 1)'
  assert_json record.out '.gaps[0].path == .files[0].path and .gaps[0].at_seconds > 2 and .gaps[0].at_seconds < 4'
  assert_json record.out '.files[0].discontinuities >= 1'
  assert_json record.out '.files[0].duration_seconds > 5 and .complete'
  for file in rec/*.mp4; do plays "$file"; done
}

@test "what a kill leaves is playable in Matroska and MPEG-TS as well" {
  for format in matroska mpegts; do
    rm -rf rec pipe ev.ndjson
    live_recording -o rec --format $format
    wait_for 10 bash -c 'ls rec/*.mkv rec/*.ts 2>/dev/null | grep -q .'
    file=$(echo rec/*.[mt]*[sv])
    wait_for 10 bash -c "[ \$(stat -c %s $file) -gt 700000 ]"
    kill -9 "$(pid record)"
    wait_exit record
    stop source
    words=$(ffmpeg -nostdin -v error -i "$file" -f null - 2>&1) || fail "$words"
    [ "$(ffprobe -v error -show_entries packet=pts -select_streams v -of csv=p=0 "$file" | wc -l)" -ge 25 ]
  done
}

@test "--thumbnail makes a poster and a storyboard" {
  stream-record -i "$(clip flash_10s)" -o rec --thumbnail 2s --split 6s >manifest.json
  schema_check.py manifest.json
  for n in 0 1; do
    made=$(jq -c ".files[$n].thumbnails" manifest.json)
    poster=rec/$(jq -r .poster <<<"$made") vtt=rec/$(jq -r .vtt <<<"$made") sprite=rec/$(jq -r '.sprites[0]' <<<"$made")
    assert_equal "$(ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 "$poster")" "mjpeg,640,360"
    assert_equal "$(ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 "$sprite")" "mjpeg,1600,900"
    head -n 1 "$vtt" | grep -qx WEBVTT
    grep -qx "$(basename "$sprite")#xywh=0,0,160,90" "$vtt"
  done
  assert_equal "$(grep -c -- '-->' "rec/$(jq -r .files[0].thumbnails.vtt manifest.json)")" 3
  # The poster shows what the file shows there.
  file=rec/$(jq -r '.files[0].path' manifest.json)
  ffmpeg -nostdin -v error -i "$file" -i "rec/$(jq -r .files[0].thumbnails.poster manifest.json)" \
    -filter_complex '[0:v]select=eq(n\,0),scale=640:360,format=yuv420p[a];[1:v]scale=out_range=tv,format=yuv420p[b];[a][b]psnr=stats_file=psnr' -frames:v 1 -f null -
  awk -F'psnr_avg:' '{ split($2, v, " "); exit !(v[1] == "inf" || v[1] > 20) }' psnr || fail "$(cat psnr)"
}
