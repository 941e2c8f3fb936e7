# Webhooks of stream-ctl against a receiver that hangs, fails and comes back, and programs as hooks. The
# supervisor is killed at random steps KILLS times (8).
# ctest: timeout=300
load ../support/common

receiver() {
  mkdir -p got
  echo 200 >got/switch
  start receiver hook_receiver.py got
  wait_for 20 test -s receiver.out
  port=$(cat receiver.out)
  stream-ctl hooks secret >secret/hook
  chmod 600 secret/hook
}

# stream_file HOOK-LINE...: a small stream with these hooks.
stream_file() {
  {
    echo 'name: demo'
    echo 'title: "$(touch pwned); `touch pwned`"'
    echo 'input: {test_pattern: true, size: 160x90, rate: 10, bit_rate: 100k}'
    echo 'record: {output: rec}'
    echo 'hooks:'
    printf '  %s\n' "$@"
  } >s.yaml
}
# An endpoint of the receiver, as a line of hooks.
at() { echo "$1: {url: \"http://127.0.0.1:$port/$2\", secret: \"@file:secret/hook\", allow_private: true${3:+, $3}}"; }

up() { start up stream-ctl up s.yaml --events "$T/events" --restart-delay 100ms; }
# The events that a path took, in order, each id once.
took() {
  jq -rn --arg path "/$1" '[inputs | select(.path == $path and .status == 200) | {id: .headers["webhook-id"], event: .body.event}]
    | reduce .[] as $one ({seen: {}, list: []}; if .seen[$one.id] then . else .seen[$one.id] = 1 | .list += [$one.event] end)
    | .list | join(" ")' got/requests.jsonl
}
has_taken() { [[ " $(took "$1") " == *" $2 "* ]]; }
asked() { jq -rn --arg path "/$1" '[inputs | select(.path == $path)] | length' got/requests.jsonl; }
# The recorder has media on the disk.
recording() { jq -e '.files[0].path' rec/*.json; }
told_of() { jq -r "select(.event == \"$1\" and .hook == \"$2\") | .reason" events | head -n1; }
has_told() { [ -n "$(told_of "$1" "$2")" ]; }
# What its manifest says has happened, in the names of events.
moves() { jq -r '[.moves[].to | if . == "completed" then "stream.ended" else "stream." + . end] | join(" ")' state/demo/stream.json; }

@test "an event comes signed, in order, and can be verified" {
  receiver
  stream_file "$(at site ok)"
  stream-ctl check s.yaml
  up
  wait_for 30 has_taken ok stream.live
  wait_for 30 recording
  stop up
  assert_status 0
  assert_equal "$(took ok)" "stream.ready stream.live stream.ending recording.ready stream.ended"
  jq -c .body got/requests.jsonl | while read -r line; do schema_check.py - <<<"$line"; done
  refute compgen -G "state/demo/hooks/site/*.json"
  stream-ctl hooks verify got/raw --secret @file:secret/hook
  stream-ctl hooks verify --secret @file:secret/hook --json <got/raw >verdict.json
  schema_check.py verdict.json
  assert_json verdict.json '.valid and (.id | startswith("evt_"))'
  # As anybody else computes it.
  python3 - got/raw secret/hook <<'END'
import base64, hashlib, hmac, sys
head, body = open(sys.argv[1], "rb").read().split(b"\r\n\r\n", 1)
fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
key = base64.b64decode(open(sys.argv[2]).read().strip().removeprefix("whsec_"))
text = fields[b"webhook-id"] + b"." + fields[b"webhook-timestamp"] + b"." + body
assert fields[b"webhook-signature"] == b"v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest())
END
}

@test "what is forged, replayed or of another secret is not valid" {
  receiver
  stream_file "$(at site ok)"
  stream-ctl hooks test s.yaml
  sed 's/hook.test/hook.tost/' got/raw >forged
  run stream-ctl hooks verify forged --secret @file:secret/hook
  assert_status 1
  assert_output "no signature of it is by this secret"
  stream-ctl hooks secret >secret/other
  chmod 600 secret/other
  run stream-ctl hooks verify got/raw --secret @file:secret/other
  assert_status 1
  old() { stream-ctl hooks verify got/raw --secret @file:secret/hook --tolerance 1s 2>&1 | grep -q "s ago"; }
  wait_for 10 old
  run stream-ctl hooks verify /dev/null --secret @file:secret/hook
  assert_status 1
  # What could not be told is not 1.
  run stream-ctl hooks verify none --secret @file:secret/hook
  assert_status 2
  assert_output "cannot open"
  echo nonsense >secret/bad
  chmod 600 secret/bad
  run stream-ctl hooks verify got/raw --secret @file:secret/bad
  assert_status 2
  run stream-ctl hooks verify got/raw
  assert_status 2
}

@test "an endpoint that hangs or dribbles has five seconds, and holds up nobody" {
  receiver
  stream_file "$(at hangs hang)" "$(at dribbles dribble)" "$(at good ok)"
  up
  wait_for 30 has_taken ok stream.live
  # The others are still at their first one.
  [ "$(asked hang)" -le 1 ]
  [ "$(asked dribble)" -le 1 ]
  stream-ctl is-live demo
  wait_for 30 has_told hook.failed hangs
  wait_for 30 has_told hook.failed dribbles
  [[ "$(told_of hook.failed hangs)" == *"timed out"* ]]
  [[ "$(told_of hook.failed dribbles)" == *"timed out"* ]]
  stream-ctl hooks list demo --json >list.json
  schema_check.py list.json
  assert_json list.json '[.hooks[] | select(.hook == "hangs")][0] | .pending >= 2 and .failures >= 1 and .kind == "http"'
  assert_json list.json '[.hooks[] | select(.hook == "good")][0].pending == 0'
  stop up
  assert_status 0
  has_taken ok stream.ended
}

@test "500 for a while and a killed supervisor: all come, in order, known by their ids" {
  receiver
  stream_file "$(at site switch)"
  echo 500 >got/switch
  up
  wait_for 30 has_event events stream.live
  wait_for 30 has_told hook.failed site
  [[ "$(told_of hook.failed site)" == "it answered 500" ]]
  kill -KILL "$(pid up)"
  wait_exit up 10
  assert_equal "$(took switch)" ""
  up
  # What it did not do before goes on failing; the order stays.
  more() { [ "$(asked switch)" -ge 3 ]; }
  wait_for 30 more
  assert_equal "$(jq -rs '[.[].headers["webhook-id"]] | unique | length' got/requests.jsonl)" 1
  echo 200 >got/switch
  stream-ctl hooks retry demo >/dev/null
  wait_for 30 has_taken switch stream.live
  wait_for 10 has_event events hook.recovered
  wait_for 30 recording
  stop up
  assert_equal "$(took switch)" "stream.ready stream.live stream.ending recording.ready stream.ended"
}

@test "the supervisor is killed at random steps: nothing is lost, nothing is told that was not" {
  receiver
  stream_file "$(at site ok 'events: [stream.*]')"
  RANDOM=${SEED:-4711}
  for ((i = 0; i < ${KILLS:-8}; i++)); do
    up
    sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
    if [ $((i % 3)) = 2 ]; then
      kill -TERM "$(pid up)"
      sleep "0.0$((RANDOM % 10))"
    fi
    # After SIGTERM it may have ended by itself.
    kill -KILL "$(pid up)" || [ $((i % 3)) = 2 ]
    wait_exit up 10
  done
  # Without a supervisor it is ended and told all the same.
  stream-ctl stop demo || up
  if running up; then
    wait_for 30 stream-ctl wait demo --for live --timeout 1s
    stop up
  fi
  stream-ctl hooks retry demo >/dev/null
  assert_equal "$(took ok)" "$(moves)"
  refute compgen -G "state/demo/hooks/site/*.json"
}

@test "what was saved by a killed supervisor and not told is told by whoever comes next, once" {
  receiver
  stream_file "$(at site ok 'events: [stream.*]')"
  up
  wait_for 30 has_taken ok stream.live
  stop up
  assert_equal "$(took ok)" "$(moves)"
  jq '.moves |= (last.untold = true)' state/demo/stream.json >changed
  schema_check.py changed
  cp changed state/demo/stream.json
  stream-ctl hooks retry --all
  refute grep untold state/demo/stream.json
  # The same id as before: a receiver knows that it has it.
  assert_equal "$(took ok)" "$(moves)"
  local once=$(($(moves | wc -w) + 1))
  assert_equal "$(asked ok)" "$once"
  stream-ctl hooks retry --all
  assert_equal "$(asked ok)" "$once"
  cp changed state/demo/stream.json
  up
  wait_for 30 stream-ctl wait demo --for live --timeout 1s
  stop up
  assert_equal "$(took ok)" "$(moves)"
  assert_equal "$(asked ok)" $(($(moves | wc -w) + 2))
}

@test "what waits at the end is delivered later, and dropped after a day" {
  receiver
  stream_file "$(at site switch 'events: [stream.live, stream.ended]')"
  echo 503 >got/switch
  up
  wait_for 30 has_told hook.failed site
  stop up
  assert_status 0
  schema_check.py "$(find state/demo/hooks/site -name '*.json' | head -n1)"
  assert_equal "$(stat -c %a "$(find state/demo/hooks/site -name '*.json' | head -n1)")" 600
  stream-ctl hooks list demo --json >list.json
  assert_json list.json '.hooks[0].pending == 2'
  run stream-ctl hooks retry demo
  assert_status 10
  assert_output "it answered 503"
  # As the timer does it, whatever else is there.
  mkdir state/broken
  echo '{' >state/broken/stream.json
  run --separate-stderr stream-ctl hooks retry --all --json
  assert_status 10
  echo "$output" >all.json
  schema_check.py all.json
  assert_json all.json '[.streams[] | [.stream, .hooks[0].pending]] == [["demo", 2]]'
  run stream-ctl hooks retry --all demo
  assert_status 2
  run stream-ctl hooks retry
  assert_status 2
  # The first of them is a day old by now.
  first=$(find state/demo/hooks/site -name '*.json' | sort | head -n1)
  jq -c '.created_at = "2026-01-02T03:04:05.000Z"' "$first" >changed
  cp changed "$first"
  echo 200 >got/switch
  run stream-ctl hooks retry --all
  assert_status 0
  assert_output "an event is lost to it (stream.live"
  run --separate-stderr stream-ctl -q hooks retry --all
  assert_status 0
  assert_equal "$output" ""
  assert_equal "$(took switch)" "stream.ended"
  stream-ctl delete demo
  [ ! -e state/demo/hooks ]
}

@test "inner addresses, however they are written, are not connected to; redirects are not followed" {
  receiver
  for host in 127.0.0.1 localhost '[::1]' '[::ffff:127.0.0.1]' '[::ffff:7f00:1]' 2130706433 0x7f.1 0 169.254.169.254 10.1.2.3 '[fe80::1]' '[fd00::1]'; do
    stream_file "site: {url: \"https://$host:$port/ok\", secret: \"@file:secret/hook\"}"
    https_proxy=http://127.0.0.1:$port all_proxy=http://127.0.0.1:$port run timeout 20 stream-ctl hooks test s.yaml
    assert_status 10
    assert_output "is no address of the internet"
  done
  [ ! -e got/connections ] || fail "$(cat got/connections) connections"
  stream_file "site: {url: \"http://127.0.0.1:$port/ok\", secret: \"@file:secret/hook\"}"
  run stream-ctl check s.yaml
  assert_status 6
  assert_output "s.yaml:6:15: what is sent by http can be read on its way"
  stream_file "$(at site redirect)" "$(at other ok)"
  run stream-ctl hooks test s.yaml
  assert_status 13
  assert_output "site: it answered 302: redirects are not followed" "other: has it"
  assert_equal "$(asked trap)" 0
  stream-ctl hooks test s.yaml other --json >test.json
  schema_check.py test.json
  assert_json test.json '.hooks == [{"hook": "other", "delivered": true, "reason": null}]'
  run stream-ctl hooks test s.yaml third
  assert_status 2
  assert_output "there are: other, site"
}

@test "a secret is in no message, argument, log or event" {
  receiver
  echo "http://127.0.0.1:$(free_port)/$(canary)?token=$(canary)" >secret/url
  chmod 600 secret/url
  stream_file 'site: {url: "@file:secret/url", secret: "@file:secret/hook", allow_private: true}' "$(at other ok)"
  start up stream-ctl up s.yaml --events "$T/events" -vv
  wait_for 30 has_told hook.failed site
  stream-ctl hooks list demo >list
  grep -q "onnect" list
  stop up
  refute grep -raqF "$(cut -c7- secret/hook)" --exclude-dir=secret "$T"
  grep -q 'webhook-signature' got/requests.jsonl
}

@test "a program: its words as they are, the event on its standard input, killed when it takes too long" {
  cat >hook.sh <<'END'
#!/bin/bash
printf '%s\n' "$@" >args
echo "$HOOK_STREAM $HOOK_EVENT" >>said
cat >>stdin
END
  cat >slow.sh <<'END'
#!/bin/bash
sleep 300 &
echo $! >slow.pid
wait
END
  chmod +x hook.sh slow.sh
  stream_file 'run: {exec: [./hook.sh, "$(touch pwned)", "; touch pwned", "a b"], events: [stream.live, stream.ended, process.started]}' \
    'slow: {exec: ./slow.sh, timeout: 1s, events: stream.live}'
  cp s.yaml copy.yaml
  up
  said() { grep -qx "demo stream.live" said; }
  wait_for 30 said
  wait_for 30 has_told hook.failed slow
  [[ "$(told_of hook.failed slow)" == "it was killed after 1s" ]]
  stop up
  printf '%s\n' '$(touch pwned)' '; touch pwned' 'a b' | cmp - args
  assert_equal "$(sort said | uniq -c | tr -s ' ' | paste -sd,)" " 2 demo process.started, 1 demo stream.ended, 1 demo stream.live"
  jq -se '[.[].event] | index("stream.live") < index("stream.ended")' stdin
  [ ! -e pwned ]
  wait_for 10 none_running
}

@test "the section is read strictly" {
  receiver
  wrong() {
    stream_file "$1"
    run stream-ctl check s.yaml
    assert_status 6
    assert_output "s.yaml:6:" "$2"
  }
  wrong 'a: {url: "https://h/x"}' "'secret' is missing"
  wrong 'a: {url: "https://h/x", secret: hunter2}' "a secret is not written here"
  refute_output hunter2
  wrong 'a: {url: "https://h/x", secret: "@-"}' "can be read only once"
  wrong 'a: {url: "ftp://h/x", secret: "@file:s"}' "is no URL of https"
  wrong 'a: {url: "https://u:p@h/x", secret: "@file:s"}' "carries a password"
  wrong 'a: {exec: true}' "is no path of a program"
  wrong 'a: {exec: ./x, secret: "@file:s"}' "a program needs no signature"
  wrong 'a: {exec: ./x, url: "https://h/"}' "both url and exec"
  wrong 'a: {}' "neither url nor exec"
  wrong 'a: {exec: ./x, events: [stream.live, stream.lvie]}' "did you mean stream.live?"
  wrong 'a: {exec: ./x, timeout: 2h}' "is not from 100ms to 1m"
  wrong 'a: {exec: ./x, evnts: stream.live}' "did you mean events?"
  wrong '../a: {exec: ./x}' "no name for a hook"
  stream_file "$(at site ok 'events: stream.live')" 'run: {exec: [./x, "a b"], timeout: 10s}'
  stream-ctl show s.yaml >normal.yaml
  stream-ctl show normal.yaml --json >b.json
  stream-ctl show s.yaml --json >a.json
  cmp a.json b.json
  assert_json a.json ".file.hooks.run.exec[0] == \"$T/x\" and .file.hooks.site.secret == \"@file:$T/secret/hook\""
}
