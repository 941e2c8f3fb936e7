# stream-ctl doctor: every check can be made to fail, and says what was seen and what to do.
# ctest: timeout=240
load ../support/common

# doctor [OPTION...]: without what takes time, of a machine that is well.
doctor() {
  mkdir -p root/proc/sys/net/core
  [ -e root/proc/sys/net/core/rmem_max ] || echo 8388608 >root/proc/sys/net/core/rmem_max
  local code=0
  stream-ctl doctor --quick --root "$T/root" --json "$@" >doctor.json || code=$?
  schema_check.py doctor.json
  assert_json doctor.json '[.checks[] | select(.state != "ok" and .remedy == null)] == []'
  return "$code"
}
state() { jq -r --arg id "$1" '[.checks[] | select(.id == $id).state] | join(" ")' doctor.json; }
evidence() { jq -r --arg id "$1" '.checks[] | select(.id == $id).evidence' doctor.json; }
free() { free_port; }

certificate() { # certificate NAME DAYS
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$1" -days "$2" 2>/dev/null
}

@test "all of it, on this machine: every check is there, the slow ones too" {
  mkdir -p root/proc/sys/net/core
  echo 8388608 >root/proc/sys/net/core/rmem_max
  stream-ctl doctor --root "$T/root" --port "$(free)" --min-free 1MiB --host localhost --json >doctor.json || true
  schema_check.py doctor.json
  for id in programs.installed srt.library encoder.speed limits.descriptors udp.buffers clock.sync port.free disk.space disk.speed dns.name; do
    [ -n "$(state "$id")" ] || fail "no $id in $(cat doctor.json)"
  done
  [[ "$(evidence encoder.speed)" == *"720p30 takes"*cores* ]] || fail "$(evidence encoder.speed)"
  [[ "$(evidence disk.speed)" == *MB/s* ]]
  if dpkg-query -S "$(ldd "$TOOLS_BIN/stream-ingest" | awk '/libsrt-/ { print "/usr" $3 }')"; then
    [[ "$(evidence srt.library)" =~ ^libsrt1.5-[a-z0-9]+\ 1\.5.*GnuTLS ]] || fail "$(evidence srt.library)"
  fi
  # The text has a line for each.
  run stream-ctl doctor --quick --root "$T/root" --port "$(free)" --min-free 1MiB
  assert_output $'ok\tport.free\t'
  [ -z "$(find "$T" /tmp -maxdepth 1 -name '*stream-doctor*' -newer root 2>/dev/null)" ]
}

@test "limits, UDP buffers, disk" {
  doctor --port "$(free)" --min-free 1MiB
  assert_equal "$(state limits.descriptors) $(state udp.buffers) $(state disk.space)" "ok ok ok"
  run bash -c "ulimit -Hn 512 -Sn 512; $(declare -f doctor fail assert_json); doctor --min-free 1000000GiB"
  assert_status 1
  assert_equal "$(state limits.descriptors) $(state disk.space)" "fail fail"
  echo 4096 >root/proc/sys/net/core/rmem_max
  run doctor --min-free 1MiB
  assert_status 1
  assert_equal "$(state udp.buffers)" fail
  echo x >root/proc/sys/net/core/rmem_max
  run doctor --min-free 1MiB
  assert_equal "$(state udp.buffers)" warn
  # Where nothing can be written.
  touch plain
  run stream-ctl doctor --root "$T/root" --dir plain/below --port "$(free)" --json
  assert_status 1
}

@test "ports: free, ours, another's" {
  port=$(free)
  doctor --port "$port" --min-free 1MiB
  assert_equal "$(evidence port.free)" "$port/tcp is free"
  start other python3 -m http.server --bind 127.0.0.1 "$port"
  wait_for 10 port_open "$port"
  run doctor --port "$port" --min-free 1MiB
  assert_status 1
  [[ "$(evidence port.free)" == *"held by process $(pid other) (python3)"* ]] || fail "$(evidence port.free)"
  stop other
  mkdir hls
  start ours stream-serve --hls hls --name demo --listen "http://127.0.0.1:$port"
  wait_for 10 port_open "$port"
  doctor --port "$port" --min-free 1MiB
  [[ "$(evidence port.free)" == *"(stream-serve)"* ]]
}

@test "a public port: nobody there, this machine alone, everybody" {
  port=$(free)
  mkdir -p root/proc
  ln -s /proc/net root/proc/net
  run doctor --public "$port" --port "$(free)" --min-free 1MiB
  assert_status 1
  assert_equal "$(evidence public.port)" "nothing listens on $port/tcp"
  mkdir hls
  start page stream-serve --hls hls --name demo --listen "http://127.0.0.1:$port"
  wait_for 10 port_open "$port"
  run doctor --public "192.0.2.1:$port" --port "$(free)" --min-free 1MiB
  assert_status 1
  [[ "$(evidence public.port)" == "$port/tcp is listened on at 127.0.0.1 alone"* ]]
  stop page
  start page stream-serve --hls hls --name demo --listen "http://0.0.0.0:$port"
  wait_for 10 port_open "$port"
  doctor --public "$port" --public "192.168.7.7:$port" --public "198.51.100.7:$port" --port "$(free)" --min-free 1MiB
  assert_equal "$(state public.port)" "ok warn warn"
  [[ "$(evidence public.port)" == *"listened on at 0.0.0.0"*"no address of the internet"*"on no interface"* ]] || fail "$(evidence public.port)"
  for wrong in x 0 1.2.3.4 a:b:c; do
    run stream-ctl doctor --public "$wrong"
    assert_status 2
  done
}

@test "certificates" {
  certificate good 365
  certificate soon 3
  doctor --cert good.crt --cert soon.crt --port "$(free)" --min-free 1MiB
  assert_equal "$(state tls.certificate)" "ok warn"
  openssl x509 -req -in <(openssl req -new -key good.key -subj /CN=gone 2>/dev/null) -signkey good.key \
    -days -1 -out gone.crt 2>/dev/null || skip "this openssl makes none that is expired"
  run doctor --cert gone.crt --cert good.key --cert absent.crt --port "$(free)" --min-free 1MiB
  assert_status 1
  assert_equal "$(state tls.certificate)" "fail fail fail"
}

@test "what stream files name: ports, keys, directories, destinations" {
  touch keys one.key
  chmod 600 keys
  chmod 644 one.key
  port=$(free)
  cat >s.yaml <<END
name: demo
input: {listen: "rtmp://127.0.0.1:$port/live", key_file: keys}
record: {output: rec}
destinations:
  one: {url: "rtmp://no-such-host.invalid/app", key: "@file:one.key"}
END
  run doctor s.yaml --min-free 1MiB
  assert_status 1
  assert_equal "$(evidence port.free)" "$port/tcp is free"
  assert_equal "$(state file.permissions)" "ok fail"
  assert_equal "$(state dns.name)" fail
  [[ "$(evidence disk.space)" == "$T/rec has "* ]]
  assert_output ""
  echo 'recrd: {}' >>s.yaml
  run stream-ctl doctor s.yaml
  assert_status 6
}

@test "key file and vault that others can read" {
  mkdir state
  touch state/ingest-keys state/vault
  chmod 600 state/ingest-keys
  chmod 604 state/vault
  run doctor --port "$(free)" --min-free 1MiB
  assert_status 1
  assert_equal "$(state file.permissions)" "ok fail"
}

@test "programs that are missing, that break, that load the wrong library" {
  mkdir bin
  cp "$TOOLS_BIN/stream-ctl" bin/
  printf '#!/bin/sh\nexit 3\n' >bin/stream-ingest
  ln -s "$TOOLS_BIN/stream-ladder" bin/
  chmod +x bin/stream-ingest
  port=$(free)
  PATH=/usr/bin:/bin
  run bin/stream-ctl doctor --root root --min-free 1MiB --port "$port"
  assert_status 1
  assert_output $'fail\tprograms.installed' stream-record $'fail\tencoder.speed\tstream-ingest --test-pattern ends with 3' \
    $'fail\tsrt.library'
}
