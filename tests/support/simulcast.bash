# For the tests of stream-simulcast: sinks (rtmp_sink.py), a live input that never ends, and what the
# program says about its destinations.

# sink NAME PORT ARGUMENTS...: a scripted RTMP server; what happened there in $T/NAME.out
sink() {
  local name=$1 port=$2
  shift 2
  start "$name" rtmp_sink.py --port "$port" "$@"
  wait_for 5 grep -q listening "$T/$name.out"
}

# live_input: a FIFO $T/live with a clip over and over, in real time. The first reader gets it.
live_input() {
  rm -f "$T/live"
  mkfifo "$T/live"
  start live_input bash -c 'exec ffmpeg -nostdin -v error -re -stream_loop -1 -i "$1" -c copy \
    -f nut -syncpoints timestamped -strict experimental -y "$2"' - "$(clip flash_4s)" "$T/live"
}

# simulcast ARGUMENTS...: from live_input under the name "demo", events in $T/events
simulcast() {
  live_input
  start simulcast stream-simulcast -i "$T/live" --name demo --events "$T/events" "$@"
}

# field DESTINATION NAME: one field of its present status
field() {
  stream-simulcast list demo --json |
    jq -r --arg d "$1" --arg f "$2" '.destinations[] | select(.name == $d) | .[$f]'
}

is_state() { [ "$(field "$1" state)" = "$2" ]; }

# at_sink NAME JQ: the filter holds for some line of what the sink said
at_sink() { jq -es "any(.[]; $2)" "$T/$1.out"; }

# count_at_sink NAME JQ
count_at_sink() { jq -s "[.[] | select($2)] | length" "$T/$1.out"; }

# saw DESTINATION EVENT [JQ]: an event of it was written
saw() {
  jq -es --arg d "$1" --arg e "destination.$2" \
    "any(.[]; .event == \$e and .destination == \$d and (${3:-true}))" "$T/events"
}
