# stream-ingest with a listening socket from the service manager (LISTEN_FDS).
load ../support/common
load ../support/ingest

# activate OPTION... -- COMMAND...: as a .socket unit does; it starts the command at the first connection.
activate() {
  local own=()
  while [ "$1" != -- ]; do own+=("$1") && shift; done
  start activate systemd-socket-activate -E TEST_ID -E STREAM_RUNTIME_DIR -E STREAM_STATE_DIR -E PATH "${own[@]}" "${@:2}"
}
publish() { # publish NAME: the clip, once
  ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -t 2 -c copy -f flv "rtmp://127.0.0.1:$port/live/$1"
}
port_listens() { [ -n "$(ss -Hltn "sport = :$port")" ]; }
poke() { # what it comes to when somebody connects
  wait_for 10 port_listens
  port_open "$port"
  wait_exit activate 10
}

@test "a publisher that connects starts it, and all of its media comes" {
  port=$(free_port)
  activate -l "127.0.0.1:$port" -- stream-ingest --listen "rtmp://127.0.0.1:$port/live" --open demo \
    -o "$T/out.nut" --events "$T/events"
  wait_for 10 port_listens
  [ ! -e events ]
  publish demo
  wait_exit activate 10
  assert_status 0
  assert_event listener.started ".url == \"rtmp://127.0.0.1:$port/live\""
  ffmpeg -nostdin -v error -i "$(clip flash_flv)" -t 2 -c copy sent.nut
  assert_equal "$(packet_hashes out.nut v)" "$(packet_hashes sent.nut v)"
}

@test "who connects while it starts anew is kept waiting" {
  port=$(free_port)
  cat >keep.py <<'END'
import os, pathlib, socket, subprocess, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for turn in range(2):
    while not pathlib.Path(f"turn{turn}").exists():
        time.sleep(0.02)
    child = subprocess.run(
        ["bash", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "_", *sys.argv[2:], "--events", f"events{turn}"],
        preexec_fn=lambda: os.dup2(listener.fileno(), 3, True) and os.set_inheritable(3, True), close_fds=False)
    print(child.returncode, flush=True)
END
  touch turn0
  start keeper python3 keep.py "$port" stream-ingest --listen "rtmp://127.0.0.1:$port/live" --open demo --name demo
  wait_for 10 has_event events0 service.ready
  publish demo
  stream-ctl stop demo
  wait_for 10 grep -qx 0 keeper.out
  start second ffmpeg -nostdin -v error -re -i "$(clip flash_flv)" -t 1 -c copy -f flv "rtmp://127.0.0.1:$port/live/demo"
  connected() { [ -n "$(ss -Htn state established "dport = :$port")" ]; }
  wait_for 10 connected
  touch turn1
  wait_exit second 15
  assert_status 0
  has_event events1 publisher.connected
  stream-ctl stop demo
  wait_exit keeper 10
}

@test "a socket that fits nothing is refused before anybody waits at it" {
  port=$(free_port)
  other=$(free_port)
  activate -l "127.0.0.1:$port" -- stream-ingest --listen "rtmp://127.0.0.1:$other/live" --open demo
  poke
  assert_status 2
  grep -q "passed a socket on port $port and nothing listens there" activate.err
  # An open stream stays on this machine.
  activate -l "0.0.0.0:$port" -- stream-ingest --listen "rtmp://127.0.0.1:$port/live" --open demo
  poke
  assert_status 2
  grep -q "open to other machines and 127.0.0.1 is not" activate.err
  run bash -c "LISTEN_PID=\$\$ LISTEN_FDS=1 exec stream-ingest --listen rtmp://127.0.0.1:$port/live --open demo 3</dev/null"
  assert_status 2
  assert_output "no listening TCP socket"
}
