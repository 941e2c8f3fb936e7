# What is in the renditions, for inputs of different kinds: every picture once, aligned, with its sound.
# ctest: timeout=300 processors=2
load ../support/common

# ladder INPUT FRAMES SECONDS OPTION...
ladder() {
  local input=$1 frames=$2 seconds=$3 rung
  shift 3
  stream-ladder -q -i "$input" -o h --rung 360p@800k --rung 240p@300k --dvr all "$@" 2>ladder.err
  hls_check.py --ended --decode h/master.m3u8 >report.json
  assert_json report.json "[.renditions[] | select(.width > 0) | .frames == $frames] | all"
  assert_json report.json "[.renditions[] | select(.width > 0) | (.duration - $seconds) | fabs < 0.001] | all"
  for rung in 360p 240p; do
    run flash_beep.py --max-ms 20 --min-pairs "${seconds%.*}" h/$rung/playlist.m3u8 \
      --audio-input "$(ls h/audio/playlist.m3u8 2>/dev/null || echo h/$rung/playlist.m3u8)"
    assert_status 0
    assert_output '"gaps": []'
  done
}

@test "MP4" { ladder "$(clip flash_10s)" 300 10; }

@test "MP4 to MPEG-TS segments" { ladder "$(clip flash_10s)" 300 10 --format ts; }

@test "FLV" { ladder "$(clip flash_flv)" 300 10; }

@test "MPEG-TS" { ladder "$(clip flash_ts)" 300 10; }

@test "29.97 pictures per second" { ladder "$(clip ntsc_4s)" 120 4.004; }

@test "fields become pictures, one for two" {
  stream-ladder -q -i "$(clip interlaced)" -o h --rung 360p@4000k --dvr all 2>ladder.err
  hls_check.py --ended --decode h/master.m3u8 >report.json
  assert_json report.json '.renditions[0].frames == 100'
  combed() { ffmpeg -nostdin -v info -i "$1" -vf idet -f null - 2>&1 | sed -n 's/.*Multi.*TFF: *\([0-9]*\).*/\1/p'; }
  assert_equal "$(combed "$(clip interlaced)")" 100
  [ "$(combed h/360p/playlist.m3u8)" -lt 5 ]
}

@test "AV1, and an end amid it" {
  ffmpeg -nostdin -v error -encoders | grep -q libsvtav1 || skip "this FFmpeg has no libsvtav1"
  local rung=240p@300k,encoder=libsvtav1,preset=10
  stream-ladder -q -i "$(clip flash_4s)" -o h --rung "$rung" --dvr all 2>ladder.err
  hls_check.py --ended --decode h/master.m3u8 >report.json
  assert_json report.json '[.renditions[] | select(.width > 0) | .frames == 120] | all'
  run flash_beep.py --max-ms 20 --min-pairs 4 h/240p/playlist.m3u8 --audio-input h/audio/playlist.m3u8
  assert_status 0
  # SVT-AV1 does not come back when it is closed without an end.
  mkfifo in
  start feed ffmpeg -nostdin -v error -re -i "$(clip flash_10s)" -c copy -f mpegts -y in
  start cut stream-ladder -i in -o c --rung "$rung"
  wait_for 30 compgen -G 'c/240p/*.m4s'
  kill -INT "$(pid cut)"
  wait_exit cut 10
  assert_status 130
}

@test "no sound" {
  stream-ladder -q -i "$(clip video_only)" -o h --rung 360p@800k --dvr all 2>ladder.err
  hls_check.py --ended --decode --expect-duration 4 h/master.m3u8
}

@test "no picture" {
  stream-ladder -q -i "$(clip audio_only)" -o h --dvr all 2>ladder.err
  hls_check.py --ended --decode --expect-duration 4 h/master.m3u8
}

# Times as other programs may send them, in a pipe. Bent in FLV, whose tags hold any time.
@test "I11: a pipe with wrong times: every picture once, no gap, in sync" {
  local bend breaks
  for bend in --outlier=60:-10000 --outlier=60:-9800000 --outlier=60:60000 --outlier=60:37600000 \
    --jump=5000:-10000 --jump=5000:3600000; do
    rm -rf h
    rtmp_peer.py write "$(clip flash_flv)" --first 20000000 $bend >bent.flv
    cat bent.flv | stream-ladder -q -i - -o h --rung 240p@300k,preset=ultrafast --dvr all 2>ladder.err
    hls_check.py --ended --decode h/master.m3u8 >report.json
    breaks=$([[ $bend == --jump* ]] && echo 1 || echo 0)
    assert_json report.json "[.renditions[].discontinuities] | unique == [$breaks]"
    assert_json report.json '.renditions[] | select(.width > 0) | .frames == 300 and (.duration - 10 | fabs < 0.05)'
    run flash_beep.py --max-ms 20 --min-pairs 9 h/240p/playlist.m3u8 --audio-input h/audio/playlist.m3u8
    assert_status 0
    assert_output '"gaps": []'
  done
}
