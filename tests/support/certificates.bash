# For the tests of what speaks TLS: `load ../support/certificates` after common.
#
#   certificates              root.crt, which signed middle, which signed server: server.pem (the chain), server.key
#   issue NAME AUTHORITY [DAYS] [IS-AUTHORITY]   NAME.pem and NAME.key; made as fresh.*, they may replace server.*
#   renew                     server.pem and server.key are others, by the same authority
#   shown ARGUMENT...         what the server on $port shows a client that trusts the root alone
#   print_of                  the fingerprint of that

authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$1" -days 3 2>/dev/null
}

issue() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:%s\n' "${4:-FALSE}" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days "${3:-2}" -extfile "$1.ext" \
    -out "$1.crt" 2>/dev/null
  chmod 600 "$1.key"
  cat "$1.crt" "$2.crt" >"$1.pem"
}

certificates() {
  authority root
  issue middle root 3 TRUE
  issue server middle
}

renew() {
  issue fresh middle
  mv fresh.pem server.pem
  mv fresh.key server.key
}

# shellcheck disable=SC2154  # port is set by the test
shown() {
  openssl s_client -connect "127.0.0.1:$port" -CAfile root.crt -verify_return_error "$@" </dev/null 2>&1
}
print_of() { shown | openssl x509 -noout -fingerprint; }

# stall_handshakes COUNT: as "slow", each says the first byte of a ClientHello and no more; the kernel's answer may be
# a reset.
stall_handshakes() {
  start slow python3 -c '
import resource, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
kept = []
for n in range(count):
    s = socket.socket()
    s.bind((f"127.0.{1 + n % 20}.1", 0))
    s.settimeout(5)
    try:
        s.connect(("127.0.0.1", port))
        s.send(b"\x16")
    except OSError:
        pass
    kept.append(s)
print("all", flush=True)
time.sleep(60)' "$port" "$1"
  wait_for 60 grep -q all slow.out
}
