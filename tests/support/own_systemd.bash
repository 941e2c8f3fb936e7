# A machine of its own with a real systemd: `load ../support/own_systemd` after common. Its files are ours with what it
# writes kept apart, its programs those under test.
#
#   machine         boots it, with our units installed as `stream-ctl install` says, or skips the test
#   inside ...      runs a command in there as root
#   start_inside    as start, in there
#   put FILE        writes it in there, from standard input
#   of UNIT NAME    a property of a unit, as systemctl show has it
#   journal         what its units said

machine() {
  local groups
  [ -x /usr/lib/systemd/systemd ] || skip "no systemd"
  groups=$(findmnt -nt cgroup2 -o TARGET | head -n 1)/stream-test-$$-$BATS_TEST_NUMBER
  mkdir "$groups" 2>/dev/null || skip "no right to make control groups (cgroup2)"
  machine_groups=$groups
  # unshare(1) doesn't see the group of a process that it makes itself.
  # shellcheck disable=SC2016
  start machine bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$machine_groups" \
    unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net own_systemd.sh "$T" "$TOOLS_BIN"
  begun() { grep -q ready machine.out || process_gone "$(pid machine)"; }
  wait_for 20 begun
  grep -q ready machine.out || skip "no right to make a machine: $(tail -n 1 machine.err)"
  wait_for 20 inside systemctl is-active multi-user.target systemd-journald
  inside stream-ctl -q install --system >/dev/null
  inside systemd-sysusers 2>/dev/null
  inside systemd-tmpfiles --create stream.conf
  inside mkdir -p /etc/stream
  inside systemctl daemon-reload
}

# Sets `enter`, what a command in there is preceded by.
entering() {
  enter=(nsenter -a -t "$(pgrep -P "$(pid machine)")" -- env -i PATH="/opt/stream:/usr/sbin:/usr/bin:/sbin:/bin"
    HOME=/root STREAM_RUNTIME_DIR=/run/stream LC_ALL=C.UTF-8)
}
inside() { entering && "${enter[@]}" "$@"; }
start_inside() { entering && start "$1" "${enter[@]}" "${@:2}"; }
# shellcheck disable=SC2016
put() { inside bash -c 'mkdir -p "${1%/*}" && cat >"$1"' - "$1"; }
of() { inside systemctl show --value -p "$2" "$1"; }
journal() { inside journalctl --no-pager -o cat "$@"; }

# The first process takes all others with it; the groups are left to whoever made them.
teardown() {
  if [ -n "${machine_groups:-}" ]; then
    [ -n "${BATS_TEST_COMPLETED:-}" ] || journal -n 60 >&2 || true
    pkill -KILL -P "$(pid machine)" || true
    wait_exit machine 10 || true
    wait_for 10 machine_cleared || true
  fi
  stream_teardown
}
machine_cleared() {
  find "$machine_groups" -depth -type d -exec rmdir {} + 2>/dev/null || true
  [ ! -e "$machine_groups" ]
}
