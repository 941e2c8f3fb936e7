# The scripts under examples/, and the commands that the documentation gives, as they are written there.
# ctest: timeout=300
load ../support/common

duration() { ffprobe -v error -show_entries format=duration -of csv=p=0 "$1"; }

@test "examples/pattern_to_hls.sh makes ten seconds of HLS" {
  run --separate-stderr "$ROOT/examples/pattern_to_hls.sh" out/h
  assert_status 0
  assert_output "duration=10.0"
  run hls_check.py --ended --decode --expect-duration 10 out/h/master.m3u8
  assert_status 0
}

@test "examples/record_file.sh keeps every packet of the file" {
  run "$ROOT/examples/record_file.sh" "$(clip flash_4s)" out/rec/
  assert_status 0
  run media_compare.py "$(clip flash_4s)" "$(find out/rec -name '*.mp4')"
  assert_status 0
}

@test "examples/bus.sh shows the status and records five seconds" {
  run --separate-stderr "$ROOT/examples/bus.sh" out/rec/
  assert_status 0
  assert_output '"schema"'
  run duration "$(find out/rec -name '*.mp4')"
  assert_output 5.
  none_running
}

@test "a publisher through ingest into a player" {
  port=$(free_port)
  start play bash -c "stream-ingest --listen rtmp://127.0.0.1:$port/live --open demo -o - |
    ffmpeg -nostdin -v error -i - -c copy out.mkv"
  wait_for 10 port_open "$port"
  ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -t 4 -c copy -f flv "rtmp://127.0.0.1:$port/live/demo"
  wait_exit play 15
  assert_status 0
  run flash_beep.py --max-ms 20 --min-pairs 3 out.mkv
  assert_status 0
}

@test "examples/smoke_test.sh records and plays a test stream" {
  run --separate-stderr "$ROOT/examples/smoke_test.sh" 3
  assert_status 0
  assert_output 3.
  none_running
}

@test "examples/memorial: two services by the clock, each recorded" {
  port=$(free_port)
  in_seconds() { date -d "@$(($(date +%s) + $1))" "$2"; }
  export TZ=Europe/Berlin
  sed -e "s/:1935/:$port/; s/ready: 20m/ready: 3s/" \
    -e "s/\"2026-12-12 14:00\", until: \"15:00\"/\"$(in_seconds 5 '+%F %T')\", until: \"$(in_seconds 11 +%T)\"/" \
    -e "s/\"2026-12-12 16:30\", duration: 45m/\"$(in_seconds 17 '+%F %T')\", duration: 6s/" \
    "$ROOT/examples/memorial.yaml" >memorial.yaml
  PUBLISH=3 run --separate-stderr "$ROOT/examples/memorial.sh" memorial.yaml
  assert_status 0
  assert_output "The service" "The committal"
  assert_json state/memorial/stream.json '.state == "completed" and ([.sessions[].state] == ["closed", "closed"]) and (.recordings | length == 2 and all(.ready))'
  none_running
}

@test "examples/wedding: a camera falls over, the other goes on; page, recording, four destinations" {
  cameras=$(free_port)
  platforms=$(free_port)
  page=$(free_port)
  sed -e "s/:1936/:$platforms/; s/:8080/:$page/; s/1280x720/640x360/; s/\[720p@2800k, 360p@800k\]/[180p@300k]/" \
    "$ROOT/examples/wedding.yaml" >wedding.yaml
  CAMERAS=rtmp://127.0.0.1:$cameras/live PLATFORMS=rtmp://127.0.0.1:$platforms/live \
    run --separate-stderr "$ROOT/examples/wedding.sh" wedding.yaml 16
  assert_status 0
  assert_output "backup: on air" "youtube: live" "facebook: live" "parish: live" "family: live" "+-> 180p"
  assert_json "$(ls out/recordings/*.json)" '.complete'
  cmp out/recordings/wedding-*.mp4 out/archive/wedding/recording/wedding-*.mp4
  assert_output "$(basename out/recordings/wedding-*.json .json)"
  none_running
}

@test "examples/conference: rooms of one group by one schedule, one ingest, each session recorded" {
  port=$(free_port)
  local begin end
  # In UTC, so that midnight is in the test's night too.
  begin=$(($(date +%s) + 4))
  end=$((begin + 7))
  sed -e "s|Europe/Berlin|UTC|; /The afternoon/d" \
    -e "s/start: \"[^\"]*\", until: \"[^\"]*\"/start: \"$(date -u -d "@$begin" '+%F %T')\", until: \"$(date -u -d "@$end" +%T)\"/" \
    "$ROOT/examples/conference.yaml" >conference.yaml
  start rooms env ROOMS="room-1 room-2" INGEST="rtmp://127.0.0.1:$port/live" "$ROOT/examples/conference.sh" conference.yaml
  for room in room-1 room-2; do
    wait_for 10 port_open "$port"
    start "$room" ffmpeg -nostdin -v error -re -stream_loop -1 -i "$(clip flash_flv)" -c copy -f flv "rtmp://127.0.0.1:$port/live/$room"
  done
  wait_exit rooms 40
  assert_status 0
  for room in room-1 room-2; do
    grep -q "^$room .* scheduled .*$(date -u -d "@$begin" +%FT%T)+00:00 .*Room ${room#room-}" rooms.out
    grep -q "^$room .* completed .*Room ${room#room-}" rooms.out
    assert_json state/$room/stream.json '.group == "conference" and .state == "completed" and .sessions[0].state == "closed" and (.recordings | length == 1 and .[0].ready)'
  done
}

@test "examples/channel: two films, over and over, as one stream" {
  port=$(free_port)
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -t 2 -c:v libx264 -preset ultrafast -g 30 one.mp4
  ffmpeg -nostdin -v error -i "$(clip flash_4s)" -t 2 -c:v libx264 -preset ultrafast -g 30 two.mp4
  sed "s/:8081/:$port/" "$ROOT/examples/channel.yaml" >channel.yaml
  start channel "$ROOT/examples/channel.sh" channel.yaml one.mp4 two.mp4
  six_seconds() { [ "$(grep -c '^#EXTINF' out/hls/channel/*/*.m3u8 | sort -t: -k2 -n | tail -n 1 | cut -d: -f2)" -ge 3 ]; }
  wait_for 40 six_seconds
  stop channel
  assert_status 0
  hls_check.py --ended --decode out/hls/channel/master.m3u8 >report.json
  assert_json report.json '[.renditions[].discontinuities] | add == 0'
  none_running
}

@test "examples/cron: every line is one of cron's, and its command does what it says" {
  mkdir -p config store
  cat >config/service.yaml <<'END'
name: service
input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}
END
  printf 'recordings:\n  age: 50d\n' >config/prune.yaml
  echo "store: \"dir:$T/store\"" >config/archive.yaml
  jobs=0
  while IFS= read -r line; do
    [[ "$line" =~ ^([0-9*/,-]+\ +){2}[0-9*]+\ +[0-9*]+\ +([*]|[a-z]{3})\ +(.+)$ ]] || fail "no line of cron's: $line"
    command=${BASH_REMATCH[3]//\/etc\/stream/$T/config}
    # Here nothing may prove the clock.
    [[ "$command" != stream-archive* ]] || command=${command/ >/ --trust-clock >}
    run --separate-stderr sh -c "$command"
    assert_status 0
    assert_equal "$output$stderr" ""
    jobs=$((jobs + 1))
    [[ "$command" != *" start "* ]] || stream-ctl wait service --for live --timeout 10s
  done < <(grep -vE '^(#|$|[A-Z]+=)' "$ROOT/examples/cron/crontab")
  assert_equal "$jobs" 5
  none_running
}

@test "examples/ci: the job is YAML, and its commands are there" {
  python3 - "$ROOT/examples/ci/github-actions.yml" >commands <<'END'
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))["jobs"]["smoke-test"]
assert job["container"].startswith("debian:") and job["steps"][0]["uses"].startswith("actions/checkout@")
print("\n".join(step["run"] for step in job["steps"][1:]))
END
  cd "$ROOT"
  while read -r command words; do
    case $command in
      cmake) grep -q '"name": "release"' CMakePresets.json ;;
      tests/support/install.sh) for purpose in $words; do grep -q "^  \[$purpose\]=" "$command"; done ;;
      examples/smoke_test.sh) ;; # run above
      *) fail "not looked at: $command" ;;
    esac
  done <"$T/commands"
  for program in $(sed -n 's/.*--target //p' "$T/commands"); do [ -x "$TOOLS_BIN/$program" ]; done
  # They are all that smoke_test.sh calls.
  assert_equal "$(grep -o 'stream-[a-z]* ' examples/smoke_test.sh | sort -u | xargs)" "stream-ctl"
}
