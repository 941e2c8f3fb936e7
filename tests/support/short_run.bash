# For what scarce.py runs, which is one of our programs for a moment.
#
#   begin EVENT PROGRAM ARGUMENT...   starts it; fails when it is gone, or 5 s are over, before it tells the event
#   end                               ends it; its exit code

begin() {
  local i
  "${@:2}" --events events &
  begun=$!
  trap 'kill -KILL $begun 2>/dev/null' EXIT
  for ((i = 0; i < 100; i++)); do
    ! grep -qs "$1" events || return 0
    kill -0 $begun 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

end() {
  kill -TERM $begun 2>/dev/null
  wait $begun
}
