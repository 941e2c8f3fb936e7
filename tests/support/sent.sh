#!/usr/bin/env bash
# sent.sh ARGUMENTS...: stream-simulcast -q with them until its destination has been live for a moment, for scarce.py; its
# exit code. What fails may keep it from that for so long that it is ended without.
stream-simulcast -q --events events "$@" &
simulcast=$!
trap 'kill -KILL $simulcast 2>/dev/null' EXIT
for ((i = 0; i < 100; i++)); do
  ! grep -qs destination.live events || break
  kill -0 $simulcast 2>/dev/null || break
  sleep 0.05
done
[ "$i" = 100 ] || sleep 0.5
kill -TERM $simulcast 2>/dev/null
wait $simulcast
