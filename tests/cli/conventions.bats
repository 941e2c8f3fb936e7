# What every program has in common; `each CHECK` runs a check for all of them.
# ctest: timeout=300
load ../support/common

each() {
  local program
  for program in "$TOOLS_BIN"/stream-*; do
    program=${program##*/}
    [ "$program" != stream-fault ] || continue  # a tool of the tests
    "$1" "$program" || fail "$program: $1"
  done
}

lines() { printf '%s\n' "$1" | grep -c ''; }

prints_help() {
  run --separate-stderr "$1" --no-such-flag --help
  assert_status 0
  [ -z "$stderr" ]
  assert_output "Usage: $1"
  ! LC_ALL=C grep -qP '[^\x20-\x7e\n]|^.{81}' <<<"$output" || fail "$(LC_ALL=C grep -nP '[^\x20-\x7e\n]|^.{81}' <<<"$output")"
  # Examples, then options, then codes, environment, files.
  local order
  order=$(grep -nE '^(Examples|General options|Exit codes|Environment|Files):' <<<"$output" | cut -d: -f2)
  assert_equal "$(tr '\n' ' ' <<<"$order")" "Examples General options Exit codes Environment Files "
  run "$1" help
  assert_status 0
}

@test "help wins over everything else, fits 80 columns, leads with examples" {
  COLUMNS=80 each prints_help
}

@test "a letter means the same in all programs" {
  each_letter() { "$1" __man | sed -n 's/^\.It Fl \([a-zA-Z]\) , Fl "\\&\\-\(.*\)".*/\1 \2/p' | sed 's/" Ar.*//; s/\\//g'; }
  each each_letter >letters
  [ -s letters ]
  assert_equal "$(sort -u letters | cut -d' ' -f1 | uniq -d)" "" "$(sort -u letters)"
  assert_equal "$(cut -d' ' -f1 letters | sort -u | tr -d 'hVvqnoicfy\n')" ""
}

refuses_unknown_flag() {
  run --separate-stderr "$1" --no-such-flag
  assert_status 2
  [ -z "$output" ]
  [ "$(lines "$stderr")" -le 5 ]
  [[ "$(tail -n1 <<<"$stderr")" == "see: $1"*" --help" ]] || fail "$stderr"
}

@test "a usage error is five lines at most and names the help" {
  each refuses_unknown_flag
}

refuses_abbreviation() {
  run --separate-stderr "$1" --verb
  assert_status 2
  [[ "$stderr" == *"did you mean --verbose?"* ]] || fail "$stderr"
}

@test "no flag may be shortened" {
  each refuses_abbreviation
}

prints_version() {
  run --separate-stderr "$1" --version
  assert_status 0
  [[ "${lines[0]}" =~ ^$1\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
  "$1" --version --json >version.json
  schema_check.py version.json
  assert_json version.json ".name == \"$1\" and (.libraries | length > 0)"
}

@test "the version is one line, with details as JSON" {
  each prints_version
}

fails_as_json() {
  run --separate-stderr "$1" --json --no-such-flag
  assert_status 2
  [ -z "$output" ]
  tail -n1 <<<"$stderr" >error.json
  assert_json error.json '.error.code == 2 and .error.id == "usage.flag" and (.error.message | length > 0) and (.error | has("hint"))'
}

@test "with --json the last line of a failure is an object, and the code is the same" {
  each fails_as_json
}

leaves_stdin() {
  local count=0
  while read -r _; do
    "$1" --version >/dev/null
    "$1" config show >/dev/null
    count=$((count + 1))
  done < <(printf '1\n2\n3\n')
  assert_equal "$count" 3
}

@test "no program reads standard input unasked" {
  each leaves_stdin
}

warns_of_variable() {
  STREAM_COLORR=always run --separate-stderr "$1" config show
  assert_status 0
  [[ "$stderr" == *STREAM_COLORR*STREAM_COLOR* ]] || fail "$stderr"
}

@test "a variable that means nothing is named" {
  each warns_of_variable
}

refuses_bad_file() {
  mkdir -p "$STREAM_CONFIG_DIR"
  printf 'color: never\ncolour: never\n' >"$STREAM_CONFIG_DIR/${1#stream-}.yaml"
  run --separate-stderr "$1" config show
  assert_status 6
  [[ "$stderr" == *"${1#stream-}.yaml:2:9: unknown key 'colour'"* ]] || fail "$stderr"
  [[ "$stderr" == *"did you mean color?"* ]]
}

@test "an unknown key in a file is refused with file, line, column and the right word" {
  each refuses_bad_file
}

every_flag_has_a_twin() {
  # All that is in the man page with a variable can be set by that variable.
  local variable
  for variable in $("$1" __man | sed -n 's/^\.Ev "\\&\(STREAM_[A-Z0-9_]*\)"$/\1/p'); do
    [[ $variable =~ ^STREAM_(QUIET|VERBOSE|JSON|COLOR|LOG|VAULT|VAULT_KEY_FILE|$(tr 'a-z-' 'A-Z_' <<<"${1#stream-}")_[A-Z0-9_]+)$ ]] || fail "$variable"
  done
}

@test "every flag has one variable of the right name" {
  each every_flag_has_a_twin
}

@test "flag over variable over --config over the user's file over the default, and the origin is told" {
  mkdir -p "$STREAM_CONFIG_DIR"
  origin() { stream-ctl config show --origin "$@" 2>/dev/null | awk -F'\t' '$1 == "color" {print $2 "|" $3}'; }
  assert_equal "$(origin)" "auto|default"
  echo 'color: never' >"$STREAM_CONFIG_DIR/ctl.yaml"
  assert_equal "$(origin)" "never|$STREAM_CONFIG_DIR/ctl.yaml:1:8"
  echo 'color: always' >extra.yaml
  assert_equal "$(origin -c extra.yaml)" "always|extra.yaml:1:8"
  assert_equal "$(STREAM_COLOR=auto origin -c extra.yaml)" "auto|STREAM_COLOR"
  assert_equal "$(STREAM_COLOR=auto origin --config=extra.yaml --color never)" "never|command line"
  stream-ctl config show --origin --json >config.json
  schema_check.py config.json
  assert_json config.json '(.settings[] | select(.name == "color") | .origin | endswith("ctl.yaml:1:8"))'
}

@test "colour only where it is wanted" {
  colored() { script -qefc "stream-ctl nonsense $*" /dev/null </dev/null | grep -q $'\e\['; }
  TERM=xterm colored
  TERM=xterm NO_COLOR="" colored
  TERM=dumb colored --color=always
  TERM=dumb refute colored
  TERM=xterm NO_COLOR=1 refute colored
  TERM=xterm refute colored --color=never
  stream-ctl nonsense 2>plain || true
  refute grep -q $'\e\[' plain
  stream-ctl nonsense --color=always 2>&1 | grep -q $'\e\['
}

@test "progress is a line in place on a terminal, and nothing elsewhere" {
  encode() { # ARGUMENT...
    stream-ingest --test-pattern --size 320x180 --realtime --duration 3s -o - |
      env -u CI TERM=xterm stream-ladder -i - -o h --rung 180p@200k "$@"
  }
  export -f encode
  # Where the terminal ends the log begins: the line is taken away.
  script -qefc "bash -c encode" typescript </dev/null >/dev/null
  grep -q $'\r\e\\[K[12] s  speed [0-9.]*x  180p' typescript
  script -qefc "bash -c 'encode --progress none'" none </dev/null >/dev/null
  refute grep -q $'\e\[K' none
  encode 2>plain
  refute grep -q $'\e\|\r' plain
}

@test "a reader that went away ends a program quietly by SIGPIPE" {
  python3 - "$TOOLS_BIN/stream-ctl" <<'END'
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
done = subprocess.run([sys.argv[1], "--help"], stdout=write, stderr=subprocess.PIPE)
assert done.returncode == -13, done.returncode
assert done.stderr == b"", done.stderr
END
}

@test "the completion asks the program: options, values, live names, and nothing when nothing runs" {
  run stream-ctl __complete -- ""
  assert_output "none" "list" "status"
  run stream-ctl __complete -- status --js
  assert_output "--json"
  run stream-ctl __complete -- --color ""
  assert_equal "$output" "none"$'\n'"auto"$'\t'"colour"$'\n'"always"$'\t'"colour"$'\n'"never"$'\t'"colour"
  run --separate-stderr stream-ctl __complete -- status ""
  assert_equal "$output" "none"
  assert_equal "$stderr" ""
  mkdir hls
  start serve stream-serve --hls hls --name demo --listen http://127.0.0.1:0
  wait_for 5 stream-ctl status demo
  run stream-ctl __complete -- status ""
  assert_equal "$output" "none"$'\n'"demo"$'\t'"live stream"
  run stream-ladder __complete -- -i ""
  assert_output "file" "bus:demo"
}

@test "bash, zsh and fish complete a live name" {
  mkdir hls
  start serve stream-serve --hls hls --name demo --listen http://127.0.0.1:0
  wait_for 5 stream-ctl status demo
  bash -c '
    source "$1"
    COMP_LINE="stream-ctl status d" COMP_POINT=19 COMP_WORDS=(stream-ctl status d) COMP_CWORD=2
    _stream_ctl
    [ "${COMPREPLY[*]}" = demo ]' _ "$ROOT/completions/bash/stream-ctl"
  bash -c '
    source "$1"
    COMP_LINE="stream-record -i bus:d" COMP_POINT=22
    compopt() { :; }
    _stream_record
    [ "${COMPREPLY[*]}" = demo ]' _ "$ROOT/completions/bash/stream-record"
  run fish -c "source $ROOT/completions/fish/stream-ctl.fish; complete -C 'stream-ctl status d'"
  assert_output "demo"
}

@test "media is refused at a terminal" {
  run script -qefc "stream-record -i - -o rec" /dev/null
  assert_status 2
  assert_output "which is a terminal"
}

@test "a key in a URL on the command line is refused, and the right form shown" {
  run stream-record -i "rtmp://h.example/app/live_123456789_$CANARY" -o rec
  assert_status 2
  assert_output "--input @file:PATH"
  refute_output "$CANARY"
}

@test "with media on standard output the events go elsewhere, and the last one is the exit" {
  stream-ingest --test-pattern --size 320x180 --duration 1s -o - --events 3 3>events >media.nut
  run ffprobe -v error -show_entries stream=codec_type -of csv=p=0 media.nut
  assert_output "video" "audio"
  tail -n1 events >last.json
  schema_check.py last.json
  assert_json last.json '.event == "exit" and .code == 0'
  stream-ingest --test-pattern --size 320x180 --duration 1s -o media.nut --events - >events
  assert_equal "$(jq -r .seq events)" "$(seq "$(wc -l <events)")"
  run stream-ingest --test-pattern --duration 1s -o media.nut --events 77
  assert_status 2
  assert_output "cannot write events to '77'"
}

@test "how much is said on standard error changes nothing on standard output" {
  mkdir hls
  start serve stream-serve --hls hls --name demo --listen http://127.0.0.1:0
  wait_for 5 stream-ctl status demo
  for verb in "list --fields name,tools,state" "config show" "help"; do
    # shellcheck disable=SC2086
    plain=$(stream-ctl $verb 2>/dev/null)
    for level in -q -v -vv; do
      # shellcheck disable=SC2086
      assert_equal "$(stream-ctl $verb $level 2>/dev/null | grep -v '^quiet\|^verbose')" "$(grep -v '^quiet\|^verbose' <<<"$plain")"
    done
  done
  run stream-ctl stop demo -q
  assert_status 0
  assert_equal "$output" ""
}
