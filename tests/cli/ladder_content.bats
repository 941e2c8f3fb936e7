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

@test "no sound" {
  stream-ladder -q -i "$(clip video_only)" -o h --rung 360p@800k --dvr all 2>ladder.err
  hls_check.py --ended --decode --expect-duration 4 h/master.m3u8
}

@test "no picture" {
  stream-ladder -q -i "$(clip audio_only)" -o h --dvr all 2>ladder.err
  hls_check.py --ended --decode --expect-duration 4 h/master.m3u8
}
