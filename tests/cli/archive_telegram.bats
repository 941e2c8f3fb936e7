#!/usr/bin/env bats
# ctest: timeout=240
# stream-archive with telegram:// stores, against the scripted Bot API server.
load ../support/common
load ../support/archive
load ../support/bot

A="stream-archive"
CHAT=telegram://@test

# long SECONDS/10 FILE: H.264 with B-frames and a keyframe each second, and sound.
long() { ffmpeg -nostdin -v error -stream_loop "$(($1 - 1))" -i "$(clip flash_10s)" -c copy "$2"; }

# What is in the chat, in order of names, one file each.
fetch_parts() {
  local id name
  mkdir -p "$1"
  while read -r id name; do chat_file "$id" "$1/$name"; done < <(chat '.messages[] | "\(.id) \(.name)"')
}

# Each plays by itself from its first picture on, none is too large.
parts_play() {
  local file words
  for file in "$1"/*.mp4; do
    [ "$(stat -c %s "$file")" -le "$2" ] || fail "$file is too large"
    words=$(ffmpeg -nostdin -v warning -i "$file" -fps_mode passthrough -enc_time_base -1 -f null - 2>&1) || fail "$file"
    [ -z "$words" ] || fail "$file: $words"
    assert_equal "$(ffprobe -v error -select_streams v -show_entries packet=flags -of csv=p=0 "$file" | head -n 1 | cut -c1)" K
    # The index is in front, so that it plays while it is fetched.
    [ "$(grep -abom1 moov "$file" | head -n 1 | cut -d: -f1)" -lt "$(grep -abom1 mdat "$file" | head -n 1 | cut -d: -f1)" ] ||
      fail "$file has its index behind"
  done
}

@test "a recording becomes parts that play, in order, and nothing of it is lost or doubled" {
  start_bot
  long 3 long.mp4
  stream-record -i long.mp4 -o rec/demo.mp4 --split 15s --name demo >manifest.json
  id=$(jq -r .recording manifest.json)
  run --separate-stderr $A put "rec/$id.json" --to $CHAT --part-size 1MiB --json --events "$T/ev.ndjson"
  assert_status 0
  echo "$output" >out.json
  assert_json out.json '.store == "telegram://@test" and (.recordings[0] | .sent_bytes > 3000000 and .was_there == false)'
  has_event ev.ndjson recording.archived
  n=$(chat '.messages | length')
  [ "$n" -ge 4 ] || fail "$n parts"
  assert_equal "$(chat '[.messages[] | .method] | unique | join(" ")')" sendVideo
  [[ "$(chat '.messages[1].caption')" =~ ^demo,\ [0-9-]+\ [0-9:]+\ UTC,\ part\ 2\ of\ $n\ \(0:00:[0-9]+-0:00:[0-9]+\)$ ]] ||
    fail "$(chat '.messages[1].caption')"
  assert_equal "$(chat '.messages[0].fields | "\(.width)x\(.height) \(.supports_streaming)"')" "640x360 true"
  assert_equal "$(curl -sf "$BOT/_state" | jq .most_busy)" 1
  # One a second.
  jq -s '[.[] | select(.method == "sendVideo") | .time] | [range(1; length) as $i | .[$i] - .[$i - 1]] | min' "$LOG" >gap
  [ "$(jq '. > 0.95' gap)" = true ] || fail "$(cat gap) s between messages"
  fetch_parts parts
  parts_play parts 1048576
  mapfile -t names < <(chat '.messages[] | "parts/\(.name)"')
  stream-record concat "${names[@]}" -o whole.mp4
  media_compare.py long.mp4 whole.mp4 --max-ms 0.1

  $A show "$id" --store $CHAT >entry.json
  schema_check.py entry.json
  assert_json entry.json '.files | length == '"$n"' and all(.messages | length == 1 and (.[0].file_id | startswith("BQAC-")))'
  run --separate-stderr $A list --store $CHAT
  assert_output "$id" demo
  run $A verify --store $CHAT
  assert_status 0
  $A get "$id" --store $CHAT -o back
  for file in parts/*; do cmp "$file" "back/${file#parts/}"; done
  # Again: nothing is sent.
  $A put "rec/$id.json" --to $CHAT --part-size 1MiB --json >again.json
  assert_json again.json '.recordings[0] | .was_there and .sent_bytes == 0'
  assert_equal "$(chat '.messages | length')" "$n"
  [ -z "$(find "$T/state/archive/queue" -type f)" ]
}

@test "killed at any time, it goes on: at most the message under way is there twice" {
  start_bot
  long 2 long.mp4
  bot_faults '[{"method":"sendVideo","do":"slow:0.3"}]'
  for after in 1 2; do
    start put $A put long.mp4 --to $CHAT --stream demo --part-size 1MiB
    there() { [ "$(chat '.messages | length')" -ge "$after" ]; }
    wait_for 20 there
    kill -KILL "$(pid put)"
    wait_exit put
  done
  bot_faults '[]'
  $A put long.mp4 --to $CHAT --stream demo --part-size 1MiB
  n=$(chat '[.messages[].name] | unique | length')
  [ "$(chat '.messages | length')" -le $((n + 2)) ] || fail "$(chat '[.messages[].name] | join(" ")')"
  [ "$(chat '[.messages | group_by(.name)[] | length] | max')" -le 3 ]
  assert_equal "$(chat '[.messages | group_by(.name)[] | [.[].sha256] | unique | length] | max')" 1
  fetch_parts parts
  parts_play parts 1048576
  stream-record concat parts/*.mp4 -o whole.mp4
  media_compare.py long.mp4 whole.mp4 --max-ms 0.1

  # The same of a file that is no media.
  random_file notes.bin 2500000
  bot_faults '[{"method":"sendDocument","do":"slow:0.3"}]'
  start put $A put notes.bin --to $CHAT --part-size 1MiB
  two() { [ "$(chat '[.messages[] | select(.name | startswith("notes"))] | length')" -ge 2 ]; }
  wait_for 20 two
  kill -KILL "$(pid put)"
  wait_exit put
  bot_faults '[]'
  $A put notes.bin --to $CHAT --part-size 1MiB
  assert_equal "$(chat '[.messages[] | select(.name | startswith("notes")) | .name] | unique | join(" ")')" \
    "notes.bin.001 notes.bin.002 notes.bin.003"
  [ "$(chat '[.messages[] | select(.name | startswith("notes"))] | length')" -le 4 ]
  $A get notes --store $CHAT -o back
  cmp notes.bin back/notes.bin
  $A get notes --store $CHAT --range 1048000-1050000 -o piece
  cmp piece <(tail -c +1048001 notes.bin | head -c 2001)
  [ -z "$(find "$T/state/archive/queue" -type f)" ]

  # Without the program that makes the parts nothing is sent that would not play.
  mkdir alone
  cp "$(command -v stream-archive)" alone/
  cp long.mp4 other.mp4
  sent=$(chat '.messages | length')
  PATH=$T/alone:/usr/bin:/bin run stream-archive put other.mp4 --to $CHAT --part-size 1MiB
  assert_status 3
  assert_output "stream-record is not installed" "hint:"
  assert_equal "$(chat '.messages | length')" "$sent"
}

@test "what the server can do wrong: each is ridden out, and the token is nowhere" {
  start_bot
  random_file f.bin 300000
  start seen seen_in_proc.py "$T/secret/token" 12
  local n=0 fault
  for fault in '"429:1"' '"502"' '"reset"' '"reset_mid"' '"garbage"' '"hang"' '"hang_after"' '"moved"'; do
    n=$((n + 1))
    cp f.bin "f$n.bin"
    bot_faults "[{\"method\":\"sendDocument\",\"times\":1,\"do\":$fault}]"
    timeout 30 $A put "f$n.bin" --to $CHAT --stall-timeout 500ms -vv --events "$T/ev$n.ndjson" 2>"$n.err" || fail "$fault: $(cat $n.err)"
    [ "$fault" = '"moved"' ] || has_event "ev$n.ndjson" store.retrying
    assert_equal "$(chat "[.messages[] | select(.name == \"f$n.bin\")] | length")" 1 "$fault"
  done
  assert_equal "$(jq -r 'select(.event == "store.retrying") | .wait_seconds >= 2' ev1.ndjson)" true
  # An answer that was lost: sent again, once.
  cp f.bin lost.bin
  bot_faults '[{"method":"sendDocument","times":1,"do":"lost"}]'
  $A put lost.bin --to telegram://-200 --events ev.ndjson
  assert_equal "$(chat '[.messages[] | select(.name == "lost.bin")] | length')" 2
  grep -q "may arrive twice" ev.ndjson
  # Refusals.
  cp f.bin more.bin
  bot_faults '[{"times":1,"do":"echo"}]'
  run $A put more.bin --to telegram://-200 -vv --events ev2.ndjson
  assert_status 11
  assert_output "***" "token"
  bot_faults '[{"times":1,"do":"413"}]'
  run $A put more.bin --to telegram://-200
  assert_status 11
  assert_output "413" "smaller parts"
  bot_faults '[{"times":1,"do":"refuse:Bad Request: not enough rights to send documents"}]'
  run $A put more.bin --to telegram://-200
  assert_status 11
  assert_output "not enough rights" "may post there"
  printf '123456:%s' another-one-123 >secret/wrong
  chmod 600 secret/wrong
  run $A put more.bin --to telegram://-200 --credentials @file:secret/wrong
  assert_status 11
  assert_output "Unauthorized" "token"
  refute_output another-one
  wait_exit seen 20
  grep -q '^looked' seen.out
  refute grep '^found' seen.out
}

@test "what can't be fetched and what can't be deleted is said; a server's own files are read" {
  start_bot
  random_file big.bin 1500000
  random_file small.bin 1000
  $A put big.bin small.bin --to $CHAT
  curl -sf "$BOT/_limits" -d '{"download":1000000}' >/dev/null
  run $A get big --store $CHAT -o back
  assert_status 11
  assert_output "20 MB" "--endpoint" "--part-size 19MB"
  run $A verify --store $CHAT --json
  assert_status 13
  $A get small --store $CHAT -o back
  cmp small.bin back/small.bin
  # What can't be cut goes in pieces, byte for byte.
  random_file broken.mp4 1500000
  run $A put broken.mp4 --to $CHAT --part-size 1MiB
  assert_status 0
  assert_output "broken.mp4" "numbered pieces"
  # A download that breaks, and a server's disk.
  bot_faults '[{"method":"file","times":1,"do":"cut"}]'
  curl -sf "$BOT/_limits" -d '{"download":9000000}' >/dev/null
  $A get big --store $CHAT -o back
  cmp big.bin back/big.bin
  curl -sf "$BOT/_local" -d "\"$T/server\"" >/dev/null
  $A get big --store $CHAT -o back2
  cmp big.bin back2/big.bin
  $A get broken --store $CHAT -o back2
  cmp broken.mp4 back2/broken.mp4
  # Deleting.
  $A delete small --store $CHAT --confirm small >receipt.json
  assert_json receipt.json '.files | length == 1'
  curl -sf "$BOT/_old" -d 1 >/dev/null
  run $A delete big --store $CHAT --confirm big
  assert_status 11
  assert_output "48 hours" "by hand"
  $A show big --store $CHAT >/dev/null
  # What stays holds up nothing else.
  random_file late.bin 1000
  $A put late.bin --to $CHAT
  printf 'recordings: {max-size: 1B}\n' >policy.yaml
  run --separate-stderr $A prune --store $CHAT --policy policy.yaml --trust-clock --json
  assert_status 13
  echo "$output" >pruned.json
  assert_json pruned.json '([.recordings[].recording] == ["late"]) and ([.not_deleted[].recording] | sort) == ["big", "broken"]'
  $A show big --store $CHAT >/dev/null
  # A chat is no store of everything.
  run $A push . --to $CHAT --stream demo
  assert_status 2
  run $A put big.bin --to $CHAT --delete-after verified
  assert_status 2
  assert_output "mirror"
  run $A presign big --store $CHAT
  assert_status 3
  STREAM_ARCHIVE_CREDENTIALS='' run $A put big.bin --to $CHAT
  assert_status 2
  run $A put big.bin --to telegram://a/b
  assert_status 2
  # Not to a name either that begins like a private address.
  for host in bots.example.org 10.example.org 192.168.example.org 172.16.example.org; do
    run timeout 10 $A put big.bin --to $CHAT --endpoint "http://$host"
    assert_status 2
    assert_output "plain text"
  done
}
