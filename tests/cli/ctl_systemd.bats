# The units of stream-ctl install under a systemd that starts them.
# ctest: timeout=300
load ../support/common
load ../support/own_systemd

pattern() { printf '%s\n' 'name: demo' 'input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}' "$@"; }
in_state() { [ "$(of "$1" ActiveState)" = "$2" ]; }
programs() { inside stream-ctl status demo ctl --json | jq -c '[.tools[0].programs[] | select(.state == "running") | .pid]'; }
run_count() { [ "$(programs | jq length)" = "$1" ]; }
# Its processes, as the kernel has them.
processes() { inside bash -c "cat /sys/fs/cgroup/stream.slice/$1/cgroup.procs 2>/dev/null | wc -l"; }
recorded() { inside stream-ctl status demo record --json | jq '.tools[0].recorded_seconds'; }
records_past() { [ "$(recorded | jq ". > $1")" = true ]; }

@test "a stream is up when it is ready, outlives its supervisor, and is ended whole" {
  machine
  pattern 'record: {output: /var/lib/stream/rec}' | put /etc/stream/demo.yaml
  inside systemctl -q enable --now stream.target stream@demo
  assert_equal "$(of stream@demo ActiveState)" active
  assert_equal "$(inside ps -o user= -p "$(of stream@demo MainPID)")" stream
  wait_for 20 run_count 2
  wait_for 20 records_past 1
  [[ "$(of stream@demo StatusText)" == *live* ]]
  local before
  before=$(programs)
  # Killed, and hanging.
  restarted() { [ "$(of stream@demo NRestarts)" = "$1" ] && in_state stream@demo active; }
  inside systemctl kill --kill-whom=main -s KILL stream@demo
  wait_for 20 restarted 1
  wait_for 20 run_count 2
  assert_equal "$(programs)" "$before"
  printf '[Service]\nWatchdogSec=1\n' | put /etc/systemd/system/stream@.service.d/watchdog.conf
  inside systemctl daemon-reload
  inside systemctl kill --kill-whom=main -s KILL stream@demo
  wait_for 20 restarted 2
  inside kill -STOP "$(of stream@demo MainPID)"
  wait_for 20 restarted 3
  journal -u stream@demo | grep -q 'Watchdog timeout'
  wait_for 20 run_count 2
  assert_equal "$(programs)" "$before"
  # A changed file.
  pattern | put /etc/stream/demo.yaml
  inside systemctl reload stream@demo
  wait_for 20 run_count 1
  assert_equal "$(programs | jq .[0])" "$(jq .[0] <<<"$before")"
  inside systemctl stop stream.target
  wait_for 20 in_state stream@demo inactive
  assert_equal "$(of stream@demo ActiveState)/$(of stream@demo Result)" inactive/success
  assert_equal "$(processes stream@demo.service)" 0
  inside bash -c 'cp /var/lib/stream/rec/* /srv/test'
  assert_json "$(ls demo-*.json)" '.complete and .dropped_packets == 0'
  ffmpeg -nostdin -v error -xerror -i demo-*.mp4 -f null -
}

@test "a stream that can't be is not tried again, and one without a file not at all" {
  machine
  pattern 'recrod: {output: rec}' | put /etc/stream/demo.yaml
  refute inside systemctl start stream@demo 2>start.err
  assert_equal "$(of stream@demo ActiveState)/$(of stream@demo ExecMainStatus)/$(of stream@demo NRestarts)" failed/6/0
  journal -u stream@demo | grep -q recrod
  inside systemctl start stream@absent
  assert_equal "$(of stream@absent ActiveState)/$(of stream@absent ConditionResult)" inactive/no
}

@test "one that is stopped before it was ready has not failed" {
  machine
  pattern | put /etc/stream/demo.yaml
  local wait
  for wait in 0 0.05 0.1 0.2 0.3; do
    inside systemctl start --no-block stream@demo
    sleep "$wait"
    inside systemctl stop stream@demo
    assert_equal "$(of stream@demo ActiveState)/$(of stream@demo Result)" inactive/success
  done
  assert_equal "$(processes stream@demo.service)" 0
}

# often TIMER...: every two seconds, in place of by the minute or by night.
often() {
  local timer
  for timer; do
    printf '%s\n' '[Timer]' OnCalendar= 'OnCalendar=*:*:0/2' RandomizedDelaySec=0 AccuracySec=100ms Persistent=no |
      put "/etc/systemd/system/$timer.d/often.conf"
    printf '[Unit]\nStartLimitBurst=1000\n' | put "/etc/systemd/system/${timer%.timer}.service.d/often.conf"
  done
  inside systemctl daemon-reload
}

@test "timers: a session that is due, and what it left to tell and to take" {
  machine
  often stream-session@demo.timer stream-hooks.timer stream-archive.timer
  mkdir got
  echo 503 >got/switch
  start_inside receiver /srv/support/hook_receiver.py /srv/test/got
  wait_for 20 test -s receiver.out
  inside stream-ctl hooks secret | put /etc/stream/secret
  inside bash -c 'chmod 600 /etc/stream/secret && chown stream: /etc/stream/secret'
  pattern "schedule: {time_zone: UTC, at: \"$(date -u '+%Y-%m-%d %H:%M:%S')\", duration: 4s}" \
    'record: {output: /var/lib/stream/rec}' 'archive: {to: "dir:/var/lib/stream/store"}' \
    "hooks: {site: {url: \"http://127.0.0.1:$(cat receiver.out)/switch\", secret: '@file:/etc/stream/secret', allow_private: true," \
    '  events: [stream.ended]}}' | put /etc/stream/demo.yaml
  # The store is not there yet, and the receiver refuses.
  inside install -d -o stream -g stream -m 700 /var/lib/stream
  echo none | put /var/lib/stream/store
  inside systemctl -q enable --now stream-session@demo.timer
  session_over() {
    in_state stream-session@demo inactive &&
      [ "$(inside jq -r '.sessions[0].state' /var/lib/stream/demo/stream.json)" = closed ]
  }
  wait_for 40 session_over
  assert_equal "$(of stream-session@demo Result)" success
  inside systemctl stop stream-session@demo.timer
  inside systemctl -q enable --now stream-hooks.timer stream-archive.timer
  said() { journal -u "$1" | grep -q "$2"; }
  wait_for 20 said stream-archive.service /var/lib/stream/store
  wait_for 20 said stream-hooks.service Finished
  assert_equal "$(of stream-hooks.service Result)" success
  refute told
  inside rm /var/lib/stream/store
  echo 200 >got/switch
  taken() { inside bash -c 'cmp /var/lib/stream/rec/*.mp4 /var/lib/stream/store/demo/recording/*.mp4'; }
  wait_for 30 taken
  wait_for 30 told
}
told() { jq -se 'any(.status == 200 and .body.event == "stream.ended")' got/requests.jsonl; }

@test "the archive is pruned by its timer, and what proves the clock is seen from within the unit" {
  machine
  often stream-archive-prune.timer
  # Whether the kernel's clock is synchronised: it may be asked.
  printf '[Service]\nExecStartPre=/usr/bin/python3 -c "import ctypes; exit(ctypes.CDLL(None).adjtimex(bytes(256)) < 0)"\n' |
    put /etc/systemd/system/stream-archive-prune.service.d/clock.conf
  inside systemctl daemon-reload
  echo 'store: "dir:/var/lib/stream/archive"' | put /etc/stream/archive.yaml
  printf 'recordings:\n  age: 50d\n' | put /etc/stream/prune.yaml
  inside install -d -o stream -g stream -m 700 /var/lib/stream
  local name
  for name in old new; do
    echo "$name" | put "/tmp/$name.mp4"
    inside setpriv --reuid=stream --regid=stream --clear-groups env STREAM_STATE_DIR=/var/lib/stream \
      stream-archive -q put "/tmp/$name.mp4" --to dir:/var/lib/stream/archive --stream demo
  done
  inside sed -i -E 's/("archived_at": *")[^"]*/\12020-01-01T00:00:00.000Z/' /var/lib/stream/archive/_catalog/demo/old.json
  inside systemctl -q enable --now stream-archive-prune.timer
  pruned() { [ "$(inside find /var/lib/stream/archive -name '*.mp4')" = /var/lib/stream/archive/demo/recording/new.mp4 ]; }
  wait_for 20 pruned
  wait_for 20 in_state stream-archive-prune.service inactive
  inside cat /var/lib/stream/archive/clock.json >clock.json
  assert_json clock.json '.boot_id != ""'
}

@test "a publisher at the port of stream-ingest.socket starts it; metrics tell of the stream" {
  machine
  printf '%s\n' 'listen: ["rtmp://0.0.0.0:1935/live"]' 'key-file: /var/lib/stream/ingest-keys' | put /etc/stream/ingest.yaml
  inside install -d -o stream -g stream -m 700 /var/lib/stream
  local key
  key=$(inside stream-keys -q new demo --store /var/lib/stream/ingest-keys 2>/dev/null)
  inside chown stream: /var/lib/stream/ingest-keys /var/lib/stream/ingest-keys.lock
  inside systemctl -q enable --now stream-ingest.socket stream-metrics stream.target
  assert_equal "$(of stream-ingest.service ActiveState)" inactive
  start_inside publisher ffmpeg -nostdin -v error -re -f lavfi -i testsrc=size=160x90:rate=10 -g 10 -c:v libx264 \
    -preset ultrafast -f flv "rtmp://127.0.0.1:1935/live/$key"
  wait_for 20 in_state stream-ingest.service active
  wait_for 20 inside stream-ctl wait demo --for live --timeout 1s
  measured() { inside curl -sf http://127.0.0.1:9100/metrics | grep -q '^stream_program_up{.*stream="demo".* 1$'; }
  wait_for 20 measured
  # Another that wants its port is told who has it.
  pattern | sed 's|demo|other|; s|test_pattern.*|listen: "rtmp://127.0.0.1:1935/live", open: true}|' | put /etc/stream/other.yaml
  inside systemctl start --no-block stream@other
  said() { journal -u "stream@other" | grep -q 'process [0-9]* (stream-ingest)'; }
  wait_for 20 said
  inside systemctl stop stream@other
  inside systemctl restart stream-ingest
  assert_equal "$(of stream-ingest.service ActiveState)" active
  stop publisher INT
  inside systemctl stop stream.target
  # The target is stopped before what is part of it is.
  wait_for 20 in_state stream-ingest.service inactive
  wait_for 20 in_state stream-ingest.socket inactive
}

@test "a user's own units, by a systemd of his" {
  machine
  inside bash -c 'useradd -m -d /srv/guest guest && install -d -o guest -m 700 /run/user/guest' 2>/dev/null
  own=(setpriv --reuid=guest --regid=guest --init-groups env -u STREAM_RUNTIME_DIR HOME=/srv/guest XDG_RUNTIME_DIR=/run/user/guest)
  inside systemd-run -q --unit=guest --uid=guest -p Delegate=yes -E HOME=/srv/guest -E XDG_RUNTIME_DIR=/run/user/guest \
    /usr/lib/systemd/systemd --user --unit=basic.target
  wait_for 20 inside "${own[@]}" systemctl --user is-active basic.target
  inside "${own[@]}" stream-ctl -q install --user
  pattern 'record: {output: /srv/guest/rec}' | put /srv/guest/.config/stream/demo.yaml
  inside chown -R guest: /srv/guest
  manager() { inside "${own[@]}" systemctl --user "$@"; }
  own_is() { [ "$(manager show --value -p ActiveState stream@demo)" = "$1" ]; }
  manager daemon-reload
  manager -q enable --now stream.target stream@demo stream-session@demo.timer stream-hooks.timer stream-archive.timer stream-metrics
  wait_for 20 inside "${own[@]}" stream-ctl wait demo --for live --timeout 1s
  for unit in stream@demo.service stream-metrics.service stream-session@demo.timer stream-hooks.timer stream-archive.timer; do
    manager is-active "$unit"
  done
  wait_for 20 inside bash -c 'ls /srv/guest/rec/*.mp4'
  manager start stream-hooks stream-archive
  manager stop stream.target
  wait_for 20 own_is inactive
  assert_equal "$(manager show --value -p Result stream@demo)" success
  inside bash -c 'cat /srv/guest/rec/*.json' >recording.json
  assert_json recording.json '.complete and .dropped_packets == 0'
}
