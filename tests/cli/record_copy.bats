# stream-record repair, remux, concat, clip, split, and manifests whose recorder died.
# ctest: timeout=240
load ../support/common

plays() {
  local words
  words=$(ffmpeg -nostdin -v warning -i "$1" -fps_mode passthrough -enc_time_base -1 -f null - 2>&1) || fail "$1 can't be decoded: $words"
  [ -z "$words" ] || fail "$1: $words"
}

pictures() { ffprobe -v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0 "$1" | head -n 1; }

@test "repair: MP4, Matroska and MPEG-TS that were cut off, ours and others', the source as it was" {
  clip=$(clip flash_10s)
  ffmpeg -nostdin -v error -i "$clip" -c copy -movflags +frag_keyframe+empty_moov fragmented.mp4
  ffmpeg -nostdin -v error -i "$clip" -c copy -movflags +faststart front.mp4
  ffmpeg -nostdin -v error -i "$clip" -c copy other.mkv
  ffmpeg -nostdin -v error -i "$clip" -c copy other.ts
  stream-record -i "$clip" -o ours.mp4 >/dev/null
  stream-record -i "$clip" -o ours.mkv >/dev/null
  for file in fragmented.mp4 front.mp4 other.mkv other.ts ours.mp4 ours.mkv; do
    size=$(stat -c %s $file)
    truncate -s $((size * 7 / 10)) $file
    # Blocks that never came to the disk are zeros.
    [ $file != fragmented.mp4 ] || truncate -s $size $file
    sum=$(md5sum <$file)
    stream-record repair $file >out
    assert_equal "$(md5sum <$file)" "$sum"
    repaired=${file%.*}-repaired.${file##*.}
    assert_equal "$(cat out)" "$repaired"
    # The last frame of a torn transport stream may be in parts.
    [ ${file##*.} = ts ] || plays "$repaired"
    [ "$(pictures "$repaired")" -ge 100 ] || fail "$repaired has $(pictures "$repaired") pictures"
    assert_json <(ffprobe -v error -show_entries format=duration -of json "$repaired") '.format.duration | tonumber > 3.3'
    rm "$repaired"
  done
  run stream-record repair ours.mkv -o front.mp4
  assert_status 1
  assert_output "front.mp4" "exists" "hint:"
  head -c 300000 "$clip" >/dev/null
  ffmpeg -nostdin -v error -i "$clip" -c copy behind.mp4
  truncate -s 500000 behind.mp4
  run stream-record repair behind.mp4
  [ "$status" -ne 0 ]
  assert_output "behind.mp4" "hint:"
  [ ! -e behind-repaired.mp4 ] && [ -z "$(find . -name '*.part*')" ]
}

@test "remux: packet for packet between all containers, and sound is encoded only where it must" {
  clip=$(clip flash_4s)
  stream-record remux "$clip" -o a.mkv
  stream-record remux a.mkv -o b.ts
  stream-record remux b.ts -o c.mp4
  media_compare.py "$clip" a.mkv --max-ms 1
  media_compare.py "$clip" c.mp4 --decode --max-ms 1 --streams v
  for file in a.mkv b.ts c.mp4; do plays $file; done
  flash_beep.py c.mp4 --max-ms 20 --min-pairs 3
  stream-record remux "$clip" -o d.mp4 --json >d.json
  assert_json d.json '.schema == "stream.copy/1" and .path == "d.mp4" and .damaged == false and .duration_seconds > 3.9'
  run stream-record remux "$clip" -o e.avi
  assert_status 2
  run stream-record remux "$clip" -o f.webm
  assert_status 3
  assert_output "h264" "hint:"
}

@test "concat: the files of a recording are what was recorded, without a seam" {
  clip=$(clip flash_10s)
  for end in mp4 mkv; do
    stream-record -i "$clip" -o rec/a.$end --split 2s >manifest.json
    stream-record concat rec/"$(jq -r .recording manifest.json)".json -o whole.$end
    # Matroska counts in milliseconds, four times over.
    media_compare.py "$clip" whole.$end --max-ms "$([ $end = mkv ] && echo 6 || echo 0.1)"
    plays whole.$end
    rm -rf rec
  done
  flash_beep.py whole.mp4 --max-ms 20 --min-pairs 9
  run stream-record concat "$clip" "$(clip flash_720p)" -o x.mp4
  assert_status 3
  assert_output "flash_720p" "hint:"
  [ -z "$(find . -name 'x.mp4*')" ]
}

@test "clip: from the keyframe before, to the time given" {
  clip=$(clip flash_10s)
  stream-record clip "$clip" --from 3500ms --to 7s -o part.mp4
  plays part.mp4
  # What is in it is what was there, from a keyframe not after 3.5 s on.
  media_compare.py "$clip" part.mp4 --subset --max-ms 1 --streams v
  length=$(ffprobe -v error -show_entries format=duration -of csv=p=0 part.mp4)
  awk -v l="$length" 'BEGIN { exit !(l > 3.4 && l < 6) }' || fail "$length s"
  flash_beep.py part.mp4 --max-ms 20 --min-pairs 3
  run stream-record clip "$clip" --from 5s --to 4s -o y.mp4
  assert_status 2
  run stream-record clip "$clip" --from 1h -o y.mp4
  [ "$status" -ne 0 ]
  [ ! -e y.mp4 ]
}

@test "clip --exact: picture for picture, and only the edges are encoded" {
  clip=$(clip flash_10s)
  stream-record clip "$clip" --from 3500ms --to 7250ms --exact -o part.mp4
  plays part.mp4
  assert_equal "$(pictures part.mp4)" 112 # 30 a second, from 3.5 s to before 7.25 s, and the one that begins there
  flash_beep.py part.mp4 --max-ms 20 --min-pairs 3
  # The same pictures: near what the source shows from there on.
  ffmpeg -nostdin -v error -i "$clip" -i part.mp4 -filter_complex \
    '[0:v]trim=start=3.499:end=7.249,setpts=N/30/TB[a];[1:v]setpts=N/30/TB[b];[a][b]psnr=stats_file=psnr:shortest=1' -f null -
  [ "$(wc -l <psnr)" -ge 110 ]
  awk -F'psnr_avg:' '{ split($2, v, " "); if (v[1] != "inf" && v[1] < 25) exit 1 }' psnr || fail "$(sort -t: -k6 psnr | head -n 3)"
  [ "$(grep -c 'psnr_avg:inf' psnr)" -ge 55 ] || fail "all was encoded"
  run stream-record clip "$(clip audio_only)" --from 1s --exact -o y.mp4
  assert_status 3
  assert_output "--exact"
}

@test "split: parts of a size that play by themselves, every packet once; on demand one at a time" {
  ffmpeg -nostdin -v error -stream_loop 2 -i "$(clip flash_10s)" -c copy long.mp4
  stream-record split long.mp4 --size 1MiB -o parts --dry-run --json >plan.json
  [ ! -e parts ]
  stream-record split long.mp4 --size 1MiB -o parts >out
  assert_equal "$(cat out)" "$(jq -r '.parts[].path' plan.json)"
  assert_equal "$(head -n 1 out)" parts/long-part-001.mp4
  mapfile -t files <out
  [ ${#files[@]} -ge 4 ] || fail "${#files[@]} parts"
  for file in "${files[@]}"; do
    plays "$file"
    [ "$(stat -c %s "$file")" -le 1048576 ] || fail "$file is too large"
  done
  stream-record concat "${files[@]}" -o whole.mp4
  media_compare.py long.mp4 whole.mp4 --max-ms 0.1
  # A second time nothing is overwritten; what fits into one is one.
  run stream-record split long.mp4 --size 1MiB -o parts
  assert_status 1
  assert_output "exists" "hint:"
  stream-record remux "$(clip flash_10s)" -o short.mkv
  stream-record split short.mkv --size 100MB -o one --json >one.json
  assert_json one.json '.schema == "stream.split/1" and (.parts | length == 1) and .parts[0].path == "one/short.mp4" and .parts[0].size_bytes > 1000000'

  # A part for each line, the same ones, and nothing after the last.
  mkfifo asks
  start split bash -c "exec stream-record split long.mp4 --size 1MiB -o some --on-demand --events ev.ndjson <asks"
  exec 8>asks
  for n in 1 2; do
    echo >&8
    closed() { [ "$(jq -s 'map(select(.event == "file.closed")) | length' ev.ndjson)" = "$n" ]; }
    wait_for 20 closed
    assert_equal "$(find some -type f | wc -l)" "$n"
  done
  exec 8>&-
  wait_exit split
  assert_equal "$(find some -type f | wc -l)" 2
  cmp some/long-part-002.mp4 parts/long-part-002.mp4
  assert_equal "$(jq -r 'select(.event == "split.planned") | .width' ev.ndjson)" 640
  for wrong in "--size 10kB" "--size much"; do
    run stream-record split long.mp4 $wrong -o x
    assert_status 2
    assert_output "--size" "hint:"
  done
  [ ! -e x ]
}

@test "the manifest of a recorder that died is mended by repair, and by the next one" {
  for how in repair next; do
    rm -rf rec pipe ev.ndjson
    mkfifo pipe
    start source bash -c "exec ffmpeg -nostdin -v error -re -stream_loop -1 -i '$(clip flash_4s)' -c copy -f nut -y '$T/pipe'"
    start record bash -c "exec stream-record -i - -o rec --name demo --events ev.ndjson <'$T/pipe'"
    wait_for 10 has_event ev.ndjson file.opened
    wait_for 10 bash -c '[ "$(ffprobe -v error -show_entries packet=pts -select_streams v -of csv=p=0 rec/*.mp4 | wc -l)" -gt 40 ]'
    manifest=$(echo rec/*.json)
    # Not while it runs.
    stream-record repair rec >out
    [ ! -s out ]
    kill -9 "$(pid record)"
    wait_exit record
    stop source
    assert_json "$manifest" '.state == "recording" and (.recording_ready | not)'
    if [ $how = repair ]; then
      assert_equal "$(stream-record repair rec)" "$manifest"
      assert_json "$manifest" '.files[0].sha256 | length == 64'
    else
      stream-record -i "$(clip flash_4s)" -o rec --name demo >/dev/null
    fi
    schema_check.py "$manifest"
    assert_json "$manifest" '.state == "finished" and .recording_ready and .reason == "the recorder died" and (.complete | not)'
    assert_json "$manifest" '.files[0].duration_seconds > 1.3 and .files[0].tracks[0].samples > 40 and .sessions[0].ended_at != null'
    assert_equal "$(stat -c %s "rec/$(jq -r .files[0].path "$manifest")")" "$(jq .files[0].size_bytes "$manifest")"
  done
}
