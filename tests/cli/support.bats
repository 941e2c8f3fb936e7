# The helpers themselves: what a test relies on when it says that nothing is left behind.
load ../support/common

@test "a clip is made once and has the picture and sound it promises" {
  file=$(clip flash_4s)
  [ -s "$file" ]
  assert_equal "$file" "$(clip flash_4s)"
  run ffprobe -v error -count_packets -show_entries stream=codec_name,nb_read_packets -of csv=p=0 "$file"
  assert_output "h264,120" "aac,"
}

@test "start and stop give the exit code" {
  start sleeper bash -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done'
  wait_for 5 grep -q ready "$T/sleeper.out"
  stop sleeper
  assert_status 5
}

@test "a program that a test left running is seen, however deep it is" {
  start parent bash -c 'sleep 1000 & wait'
  wait_for 5 test "$(stream_pids | wc -l)" -ge 1
  run ! none_running
}

@test "two free ports differ and nobody listens there" {
  a=$(free_port)
  b=$(free_port)
  [ "$a" != "$b" ]
  run ! port_open "$a"
}

@test "flash_beep.py finds every flash with its beep" {
  run flash_beep.py --max-ms 20 --min-pairs 4 "$(clip flash_4s)"
  assert_status 0
  ffmpeg -v error -i "$(clip flash_4s)" -itsoffset 0.1 -i "$(clip flash_4s)" -map 0:v -map 1:a -c copy shifted.mkv
  run flash_beep.py --max-ms 20 shifted.mkv
  assert_status 1
}

@test "hls_check.py accepts a rendition and sees what is wrong with a damaged one" {
  mkdir h
  ffmpeg -v error -i "$(clip flash_4s)" -an -c copy -f hls -hls_time 2 -hls_segment_type fmp4 \
    -hls_playlist_type event -hls_flags program_date_time h/p.m3u8
  run hls_check.py --decode --ended h/p.m3u8
  assert_status 0
  sed -i 's/^#EXTINF:2.0*,/#EXTINF:2.6,/; s/DURATION:2/DURATION:1/' h/p.m3u8
  rm h/p1.m4s
  run hls_check.py h/p.m3u8
  assert_status 1
  assert_output "is above the target duration" "EXTINF says 2.6" "is listed and not there"
}
