# For tests that need names and addresses of their own: `load ../support/own_net` after common.
#
#   net              makes the network, or skips the test; names are in $T/hosts
#   inside NAME ...  as start, in there

# A network of its own, whose names are in $T/hosts and else asked of a server that never answers; at [::1]:1935
# connections are not answered either.
net() {
  unshare -nm true 2>/dev/null || skip "no right to make a network namespace"
  echo 'hosts: files dns' >nsswitch.conf
  printf 'nameserver 127.0.0.1\noptions timeout:10 attempts:3\n' >resolv.conf
  touch hosts
  cat >holes.py <<'END'
import socket, time
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
hole = socket.socket(socket.AF_INET6)
hole.bind(("::1", 1935))
hole.listen(0)
fill = [socket.socket(socket.AF_INET6) for _ in range(8)]
for one in fill:
    one.setblocking(False)
    one.connect_ex(("::1", 1935))
print("ready", flush=True)
time.sleep(300)
END
  start net unshare -nm bash -ec 'ip link set lo up
    for file in hosts nsswitch.conf resolv.conf; do mount --bind "$1/$file" "$(realpath "/etc/$file")"; done
    exec python3 holes.py' - "$T"
  wait_for 10 grep -q ready net.out
}
inside() {
  local name=$1
  shift
  start "$name" nsenter -t "$(pid net)" -n -m -- "$@"
}
