# stream-ctl install: the units of examples/systemd, where they belong, closed in.
load ../support/common

units() { find "$1" -type f | sort; }

@test "for the system: what examples/systemd holds, with the programs' directory" {
  run stream-ctl install --system --dir out --dry-run
  assert_status 0
  assert_output out/etc/systemd/system/stream@.service
  [ ! -e out ]
  stream-ctl install --system --dir out --json >install.json
  schema_check.py install.json
  assert_json install.json '.mode == "system" and (.files | all(.changed)) and (.files | length) == '"$(ls "$ROOT/examples/systemd" | wc -l)"
  for file in "$ROOT"/examples/systemd/*; do
    name=${file##*/}
    case $name in
      *.sysusers) there=out/etc/sysusers.d/${name%.*}.conf ;;
      *.tmpfiles) there=out/etc/tmpfiles.d/${name%.*}.conf ;;
      *) there=out/etc/systemd/system/$name ;;
    esac
    diff <(sed "s|=/usr/bin/stream-|=$(realpath "$TOOLS_BIN")/stream-|" "$file") "$there"
  done
  stream-ctl install --system --dir out --json >again.json
  assert_json again.json '.files | all(.changed == false)'
  run stream-ctl install --system --user
  assert_status 2
}

@test "systemd reads all of them; no service is exposed to more than 2.0" {
  command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
  stream-ctl install --system --dir out >/dev/null
  cd out/etc/systemd/system
  for unit in *; do
    run systemd-analyze verify --man=no "./$unit"
    assert_status 0
    refute_output "$unit:"
  done
  for unit in *.service; do
    run systemd-analyze security --offline=true --threshold=20 "./$unit"
    assert_status 0
    grep -qx 'NoNewPrivileges=yes' "$unit"
  done
  cd "$T"
  stream-ctl install --user --dir own >/dev/null
  [ ! -e own/etc/sysusers.d ]
  [ -e own/etc/systemd/user/stream-ingest.socket ]
  cd own/etc/systemd/user
  for unit in *; do
    mkdir -p "$T/xdg"
    run env XDG_RUNTIME_DIR="$T/xdg" systemd-analyze verify --user --man=no "./$unit"
    assert_status 0
    refute_output "$unit:"
  done
  refute grep -rE '^(User|StateDirectory|CapabilityBoundingSet)=|/etc/stream' .
}

@test "what the units call works as they call it" {
  # A stream by its file, ready and then live, with the service manager's socket.
  mkdir -p config out
  cat >config/demo.yaml <<'END'
name: demo
input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}
END
  stream-ctl install --system --dir out >/dev/null
  command=$(sed -n 's/^ExecStart=//p' out/etc/systemd/system/stream@.service)
  start notify python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)' "$T/notify"
  wait_for 10 test -S notify
  read -ra words <<<"${command//\/etc\/stream\/%i/$T/config/demo}"
  start up env NOTIFY_SOCKET="$T/notify" WATCHDOG_USEC=400000 "${words[@]}"
  wait_for 20 grep -q READY=1 notify.out
  wait_for 20 grep -q WATCHDOG=1 notify.out
  stop up
  assert_status 0
  grep -q STOPPING=1 notify.out
  # A session that is due, and none.
  command=$(sed -n 's/^ExecStart=//p' out/etc/systemd/system/stream-session@.service)
  read -ra words <<<"${command//\/etc\/stream\/%i/$T/config/demo}"
  printf 'schedule: {time_zone: UTC, at: "%s", duration: 5s}\n' "$(date -u '+%Y-%m-%d %H:%M:%S')" >>config/demo.yaml
  start session env NOTIFY_SOCKET="$T/notify" "${words[@]}"
  wait_exit session 20
  assert_status 0
  readies() { [ "$(grep -c READY=1 notify.out)" = "$1" ]; }
  wait_for 5 readies 2
  assert_equal "$(jq -r '.sessions[0].state' state/demo/stream.json)" closed
  run env NOTIFY_SOCKET="$T/notify" "${words[@]}"
  assert_status 0
  wait_for 5 readies 3
  # Pruning by the policy, where the archive is said by the configuration.
  mkdir -p store
  for recording in old new; do
    echo "$recording" >"$recording.mp4"
    stream-archive -q put "$recording.mp4" --to "dir:$T/store" --stream demo
  done
  entry=store/_catalog/demo/old.json
  jq '.archived_at = "2020-01-01T00:00:00.000Z"' "$entry" >edited
  cp edited "$entry"
  echo 'store: "dir:'"$T"'/store"' >config/archive.yaml
  printf 'recordings:\n  age: 50d\n' >config/prune.yaml
  command=$(sed -n 's/^ExecStart=//p' out/etc/systemd/system/stream-archive-prune.service)
  read -ra words <<<"${command//\/etc\/stream/$T/config}"
  # Here nothing may prove the clock; the unit waits for time-sync.target.
  run "${words[@]}" --trust-clock
  assert_status 0
  assert_equal "$(find store -name '*.mp4' | wc -l)" 1
  [ -e store/demo/recording/new.mp4 ]
  # One ingest by its configuration alone.
  printf 'listen: ["rtmp://127.0.0.1:%s/live"]\nopen: [demo]\n' "$(free_port)" >config/ingest.yaml
  command=$(sed -n 's/^ExecStart=//p' out/etc/systemd/system/stream-ingest.service)
  start ingest env NOTIFY_SOCKET="$T/notify" "$command"
  wait_for 10 readies 4
  stop ingest
  assert_status 0
}
