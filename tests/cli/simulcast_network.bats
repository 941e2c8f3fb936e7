# ctest: timeout=360
# stream-simulcast and what lies between it and its destinations: certificates (S11), names (S13), addresses
# that answer nothing (S12).
load ../support/common
load ../support/simulcast
load ../support/own_net

# certificate NAME SUBJECT-ALTERNATIVE-NAME [END]: signed by itself, in NAME.crt and NAME.key
certificate() {
  printf '%s\n' '[ca]' 'default_ca=d' '[d]' 'database=index' 'rand_serial=yes' 'policy=p' 'default_md=sha256' \
    'copy_extensions=copy' 'unique_subject=no' '[p]' 'commonName=supplied' >ca.cnf
  : >index
  openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" \
    -addext "subjectAltName=$2" 2>/dev/null
  openssl ca -config ca.cnf -batch -selfsign -notext -outdir . -keyfile "$1.key" -in "$1.csr" -out "$1.crt" \
    -startdate 20200101000000Z -enddate "${3:-20991231235959Z}" 2>/dev/null
}

@test "S11: a good certificate is taken, and what arrives is whole" {
  certificate good IP:127.0.0.1
  port=$(free_port)
  sink good "$port" --tls good.crt good.key --record good
  stream-simulcast test a=rtmps://127.0.0.1:$port/live/a --ca-file good.crt
  stream-simulcast -i "$(clip flash_4s)" --ca-file good.crt --to a=rtmps://127.0.0.1:$port/live/a
  wait_for 5 at_sink good '.event == "end" and .video == 120'
  run flash_beep.py --max-ms 20 --min-pairs 3 "good/$(ls -S good/*.flv | head -1 | xargs basename)"
  assert_status 0
}

# refused SINK CA WORDS: what a server shows is refused, and the words say why
refused() {
  run stream-simulcast test "a=rtmps://127.0.0.1:$(cat "$1.port")/live/a" ${2:+--ca-file "$2"}
  assert_status 10
  assert_output "$3"
}

@test "S11: self-signed, expired, of another host, of an unknown authority, old TLS: refused, and said why" {
  certificate good IP:127.0.0.1
  certificate expired IP:127.0.0.1 20200201000000Z
  certificate other DNS:other.example
  for name in good expired other; do
    free_port >$name.port
    sink $name "$(cat $name.port)" --tls $name.crt $name.key
  done
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj "/CN=ca" 2>/dev/null
  openssl x509 -req -in good.csr -CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copy -out signed.crt 2>/dev/null
  free_port >signed.port
  sink signed "$(cat signed.port)" --tls signed.crt good.key
  free_port >old.port
  sink old "$(cat old.port)" --tls good.crt good.key --old-tls
  free_port >plain.port
  start plain python3 -m http.server --bind 127.0.0.1 "$(cat plain.port)"
  wait_for 10 port_open "$(cat plain.port)"
  refused good '' "the certificate is not accepted: self-signed certificate"
  refused expired expired.crt "the certificate is not accepted: certificate has expired"
  refused other other.crt "the certificate is not accepted: IP address mismatch"
  refused signed good.crt "the certificate is not accepted: unable to get local issuer certificate"
  stream-simulcast test "a=rtmps://127.0.0.1:$(cat signed.port)/live/a" --ca-file ca.crt
  refused old good.crt "older than TLS 1.2"
  refused plain good.crt "does not speak TLS"
  # Tried again like any network failure: a server is mended without our being told. Never in plain.
  simulcast --ca-file expired.crt --to "a=rtmps://127.0.0.1:$(cat expired.port)/live/a"
  wait_for 10 saw a backoff '.reason == "the certificate is not accepted: certificate has expired"'
  assert_equal 0 "$(count_at_sink expired '.event == "connect"')"
}

sink_inside() {
  local name=$1
  inside "$@"
  wait_for 5 grep -q listening "$name.out"
}

@test "S12: an IPv6 address that answers nothing: the other family is tried after 250 ms" {
  net
  printf '::1 two.test\n127.0.0.1 two.test\n' >hosts
  sink_inside one rtmp_sink.py --port 1935
  live_input
  inside simulcast stream-simulcast -i "$T/live" --name demo --events "$T/events" --to a=rtmp://two.test/live/a
  wait_for 10 saw a live
  took=$(python3 - events <<'END'
import datetime, json, sys
at = {}
for line in open(sys.argv[1]):
    event = json.loads(line)
    at.setdefault(event["event"], datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")))
print(round((at["destination.handshaking"] - at["destination.connecting"]).total_seconds() * 1000))
END
  )
  [ "$took" -ge 240 ] # it was tried, and no answer came
  [ "$took" -lt 2000 ] # 1 s on a machine with nothing else to do; the deadline is 5 s
  # S16: nor does a connection that is never made hold up the end.
  stream-simulcast add demo hole=rtmp://[::1]/live/h
  wait_for 5 is_state hole connecting
  begin=$(date +%s%N)
  stop simulcast
  [ $((($(date +%s%N) - begin) / 1000000)) -lt 3500 ]
}

@test "S12: SRT at a name whose first address is dead: the next one is called at once" {
  net
  printf '::1 two.test\n127.0.0.1 two.test\n' >hosts
  inside sink bash -c 'exec srt-live-transmit -q -a:no -chunk:1316 "srt://127.0.0.1:9000?mode=listener" file://con >out.ts'
  live_input
  inside simulcast stream-simulcast -i "$T/live" --name demo --events "$T/events" --to a=srt://two.test:9000
  wait_for 15 saw a live
  run ! saw a backoff
  stop simulcast
}

@test "S13: a resolver that hangs holds up nobody; a name is looked up anew for each connection" {
  net
  sink_inside good rtmp_sink.py --port 1936 --record "$T/good"
  sink_inside first rtmp_sink.py --port 1935
  sink_inside second rtmp_sink.py --port 1935 --host 127.0.0.2
  echo '127.0.0.1 moves.test' >hosts
  live_input
  inside simulcast stream-simulcast -i "$T/live" --name demo --events "$T/events" --to g=rtmp://127.0.0.1:1936/live/g \
    --to hangs=rtmp://hangs.test/live/h --to moves=rtmp://moves.test/live/m
  wait_for 10 saw g live
  wait_for 10 saw moves live
  wait_for 15 saw hangs backoff '.reason == "the name was not resolved within 5 s"'
  printf '127.0.0.2 moves.test\n127.0.0.2 hangs.test\n' >hosts
  stop first
  both_there() { [ "$(count_at_sink second '.event == "first-key"')" -ge 2 ]; }
  wait_for 40 both_there
  stream-simulcast add demo again=rtmp://again.test/live/x
  wait_for 5 is_state again resolving
  begin=$(date +%s%N)
  stop simulcast
  [ $((($(date +%s%N) - begin) / 1000000)) -lt 3500 ]
  run ! saw g backoff
  wait_for 5 at_sink good '.event == "end"'
  awk '$1 == "video" { if (n++ > 1 && $2 - last > 100) bad = 1; last = $2 } END { exit bad || n < 60 }' good/1.times
}

# A relay takes connections whether or not there is a server behind it. Waits begin small, so it takes some
# tries until one is long enough to tell.
@test "S07: a server behind a front that took connections meanwhile is met before the wait is over" {
  port=$(free_port) back=$(free_port)
  start front socat "TCP-LISTEN:$port,fork,reuseaddr,bind=127.0.0.1" "TCP:127.0.0.1:$back"
  wait_for 5 port_open "$port"
  simulcast --to a=rtmp://127.0.0.1:$port/live/a
  wait_for 100 saw a backoff '.retry_seconds > 15'
  sink one "$back"
  wait_for 15 saw a live
  saw a publishing '.before == "backoff"'
  stop simulcast
}
