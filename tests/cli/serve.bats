# stream-serve over real connections.
load ../support/common

# A tree of two streams; the address in $url.
serve() {
  mkdir -p hls/demo/720p hls/done
  printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n720p/playlist.m3u8\n' >hls/demo/master.m3u8
  printf '#EXTM3U\n#EXTINF:2,\ns_1.m4s\n' >hls/demo/720p/playlist.m3u8
  head -c 300000 /dev/urandom >hls/demo/720p/s_1.m4s
  printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nplaylist.m3u8\n' >hls/done/master.m3u8
  printf '#EXTM3U\n#EXT-X-ENDLIST\n' >hls/done/playlist.m3u8
  echo secret >outside.m4s
  start serve stream-serve --hls hls --listen http://127.0.0.1:0 --events "$T/events" "$@"
  wait_for 5 has_event events service.ready
  url=$(jq -r 'select(.event == "listener.started").url' events)
}

status_of() { curl -s -o /dev/null -w '%{http_code}' --path-as-is "$@"; }

@test "files: type, cache header, CORS, content" {
  serve
  curl -sSi "${url}demo/master.m3u8" >header
  grep -qi '^content-type: application/vnd.apple.mpegurl' header
  grep -qi '^cache-control: no-cache' header
  grep -qi '^access-control-allow-origin: \*' header
  curl -sSI "${url}demo/720p/s_1.m4s" >header
  grep -qi '^content-type: video/iso.segment' header
  grep -qi '^cache-control: .*immutable' header
  grep -qi '^content-length: 300000' header
  curl -sS "${url}demo/720p/s_1.m4s" | cmp - hls/demo/720p/s_1.m4s
  curl -sS -r 1000-1999 "${url}demo/720p/s_1.m4s" | cmp - <(tail -c +1001 hls/demo/720p/s_1.m4s | head -c 1000)
  etag=$(sed -n 's/^[Ee][Tt]ag: \(.*\)\r$/\1/p' header)
  assert_equal "$(status_of -H "If-None-Match: $etag" "${url}demo/720p/s_1.m4s")" 304
  assert_equal "$(status_of -r 900000- "${url}demo/720p/s_1.m4s")" 416
  assert_equal "$(status_of -X OPTIONS "${url}demo/720p/s_1.m4s")" 204
  assert_equal "$(status_of -X PUT -d x "${url}demo/720p/s_1.m4s")" 405
}

@test "nothing from outside, nothing that is no media" {
  serve
  ln -s ../../outside.m4s hls/demo/link.m4s
  ln -s "$T" hls/tree
  echo '{}' >hls/demo/state.json
  for path in ../outside.m4s %2e%2e/outside.m4s demo/../../outside.m4s demo/link.m4s tree/outside.m4s \
    demo/state.json demo/720p demo/720p/ demo/%00 %2fetc/passwd ..%2foutside.m4s; do
    code=$(status_of "$url$path")
    [[ $code = 400 || $code = 404 ]] || fail "$path: $code"
  done
}

@test "a group's page: live, to come and ended, by title; nothing of others" {
  applied() {
    printf 'name: %s\ngroup: day\ntitle: "%s"\ninput: {test_pattern: true}\n%s\n' "$1" "$2" "${3:-}" >"$1.yaml"
    stream-ctl apply "$1.yaml"
  }
  applied demo 'Room <1>'
  applied "done" Breakfast
  applied late Dinner 'schedule: {time_zone: Europe/Berlin, at: ["2098-07-01 20:00", "2099-07-01 20:00"], duration: 90m}'
  applied early Lunch 'schedule: {time_zone: Europe/Berlin, at: {start: "2097-07-01 12:00", until: "13:00", title: All}}'
  applied over 'Years ago' 'schedule: {time_zone: UTC, at: "2020-07-01 12:00", duration: 1h}'
  applied other Other
  sed -i 's/group: day/group: night/' other.yaml
  stream-ctl apply other.yaml
  serve --group day
  mkdir -p hls/other
  cp hls/done/* hls/other
  curl -sS "$url" | grep '<li>' >rows
  diff rows - <<'END'
<li><a href="demo/">Room &lt;1&gt;</a> <span class="state live">live</span></li>
<li><a href="early/">Lunch</a> <span class="state coming">coming: 2097-07-01 12:00 to 13:00 Europe/Berlin: All</span></li>
<li><a href="late/">Dinner</a> <span class="state coming">coming: 2098-07-01 20:00 to 21:30 Europe/Berlin</span></li>
<li><a href="done/">Breakfast</a> <span class="state ended">ended</span></li>
END
  run stream-serve --hls hls --group ../x
  assert_status 2
}

@test "pages: the list tells live from ended, each stream has a page" {
  serve
  curl -sS "$url" >index.html
  grep -q 'href="demo/">demo</a> <span class="state live">' index.html
  grep -q 'href="done/">done</a> <span class="state ended">' index.html
  curl -sS "${url}demo/" >page.html
  grep -q '<title>demo</title>' page.html
  assert_equal "$(status_of "${url}demo")" 308
  assert_equal "$(status_of "${url}none/")" 404
  for asset in _/player.js _/cmaf.js _/style.css; do
    assert_equal "$(status_of "$url$asset")" 200
  done
}

@test "a stream that appears later is listed, and one whose files stop is interrupted" {
  serve
  cp -r hls/demo hls/new
  curl -sS "$url" | grep -q 'href="new/"'
  touch -d '2 minutes ago' hls/demo/720p/playlist.m3u8
  curl -sS "$url" | grep -q 'demo</a> <span class="state interrupted">'
}

@test "--hls of one stream makes its page the first" {
  serve
  start one stream-serve --hls hls/demo --listen http://127.0.0.1:0 --events "$T/one.events"
  wait_for 5 has_event one.events listener.started
  one=$(jq -r 'select(.event == "listener.started").url' one.events)
  curl -sS "$one" | grep -q '<title>demo</title>'
  assert_equal "$(status_of "${one}master.m3u8")" 200
}

@test "requests are events, without their query" {
  serve
  curl -sS "${url}demo/master.m3u8?token=$CANARY" >/dev/null
  jq -e 'select(.event == "request.served") | .path == "/demo/master.m3u8" and .status == 200 and .sent_bytes > 0' events
}

@test "a port in use: who holds it" {
  serve
  run stream-serve --hls hls --listen "${url%/}"
  assert_status 15
  assert_output "the port is in use by process $(pid serve) (stream-serve)"
}

@test "what can't be served is said" {
  run stream-serve --hls none --listen http://127.0.0.1:0
  assert_status 1
  assert_output "none: No such file or directory"
  mkdir hls
  for bad in 127.0.0.1:80 ftp://127.0.0.1 http:// http://127.0.0.1/path 'http://user@127.0.0.1'; do
    run stream-serve --hls hls --listen "$bad"
    assert_status 2
    assert_output "$bad"
  done
  run stream-serve --hls hls --listen http://192.0.2.1:8080
  assert_status 1
  assert_output "192.0.2.1:8080: Cannot assign"
  run stream-serve --hls hls --listen http://127.0.0.1:0 --player none.js
  assert_status 1
}

@test "SIGTERM ends it with 0, SIGINT by SIGINT; the last event says so" {
  serve
  stop serve TERM
  assert_status 0
  tail -n1 events >last.json
  assert_json last.json '.event == "exit" and .code == 0 and .reason == "SIGTERM"'
  rm events
  serve
  python3 - "$TOOLS_BIN/stream-serve" <<'END'
import signal, subprocess, sys
done = subprocess.Popen([sys.argv[1], "--hls", "hls", "--listen", "http://127.0.0.1:0", "--events", "-"],
                        stdout=subprocess.PIPE)
for line in done.stdout:
    if b"service.ready" in line:
        done.send_signal(signal.SIGINT)
        break
done.stdout.read()
assert done.wait(10) == -signal.SIGINT, done.returncode
END
}

@test "a second SIGINT later than half a second ends it at once; copies of the first do not" {
  serve
  head -c 80000000 /dev/zero >hls/demo/720p/big.m4s
  # A client that takes its time keeps the server until its deadline of two seconds.
  start slow curl -sS --limit-rate 1000 -o /dev/null "${url}demo/720p/big.m4s"
  wait_for 5 grep -q . "/proc/$(pid slow)/net/tcp"
  python3 - "$(pid serve)" "${url}demo/720p/big.m4s" <<'END'
import os, signal, socket, sys, time, urllib.parse
pid, url = int(sys.argv[1]), urllib.parse.urlparse(sys.argv[2])
client = socket.create_connection((url.hostname, url.port))
client.sendall(f"GET {url.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
client.recv(1000)
begun = time.monotonic()
os.kill(pid, signal.SIGINT)
os.kill(pid, signal.SIGINT)
while time.monotonic() - begun < 0.6:
    os.kill(pid, 0)
    time.sleep(0.02)
os.kill(pid, signal.SIGINT)
END
  wait_exit serve 5
  assert_status 130
  grep -q 'aborted by a second SIGINT' events
}

@test "out of descriptors it serves those who are there and goes on afterwards" {
  mkdir -p hls/demo
  echo '#EXTM3U' >hls/demo/master.m3u8
  start serve bash -c 'ulimit -n 64; exec stream-serve --hls hls --listen http://127.0.0.1:0 --events "$T/events"'
  wait_for 5 has_event events service.ready
  url=$(jq -r 'select(.event == "listener.started").url' events)
  python3 - "$url" <<'END'
import socket, sys, urllib.parse
url = urllib.parse.urlparse(sys.argv[1])
first = socket.create_connection((url.hostname, url.port))
crowd = [socket.create_connection((url.hostname, url.port)) for _ in range(200)]
first.settimeout(5)
first.sendall(b"GET /demo/master.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n")
first.recv(100)
END
  wait_for 10 test "$(status_of "${url}demo/master.m3u8")" = 200
  ticks() { awk '{print $14 + $15}' "/proc/$(pid serve)/stat"; }
  [ "$(ticks)" -lt 100 ] # it did not spin
  [ "$(grep -c 'cannot accept' serve.err)" -le 3 ]
}

@test "hostile clients: slow, cut off, too long, too many" {
  serve --max-per-address 20
  python3 - "$url" <<'END'
import socket, sys, urllib.parse
url = urllib.parse.urlparse(sys.argv[1])
def dial():
    s = socket.create_connection((url.hostname, url.port)); s.settimeout(5); return s
for data in (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"\x00\xff" * 1000 + b"\r\n\r\n",
             b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
             b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
             b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"):
    s = dial()
    try:
        s.sendall(data)
        answer = s.recv(100)
    except OSError:
        answer = b""
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2", b"HTTP/1.0 4")), answer
    s.close()
crowd = [dial() for _ in range(40)]
refused = 0
for s in crowd:
    s.settimeout(0.5)
    try:
        refused += s.recv(1) == b""
    except TimeoutError:
        pass
    except ConnectionResetError:
        refused += 1
assert refused >= 20, refused
END
  wait_for 5 test "$(status_of "$url")" = 200
}

@test "a listening socket from the service manager is used instead of --listen" {
  mkdir -p hls/demo
  echo '#EXTM3U' >hls/demo/master.m3u8
  python3 - "$TOOLS_BIN/stream-serve" <<'END'
import json, os, socket, subprocess, sys, urllib.request
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
serve = subprocess.Popen(
    ["bash", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "_", sys.argv[1], "--hls", "hls", "--events", "-"],
    stdout=subprocess.PIPE, preexec_fn=lambda: os.dup2(listener.fileno(), 3), close_fds=False)
try:
    port = listener.getsockname()[1]
    started = json.loads(serve.stdout.readline())
    assert started["url"] == f"http://127.0.0.1:{port}/", started
    with urllib.request.urlopen(started["url"] + "demo/master.m3u8", timeout=5) as answer:
        assert answer.read() == b"#EXTM3U\n"
finally:
    serve.terminate()
    assert serve.wait(10) == 0
END
}
