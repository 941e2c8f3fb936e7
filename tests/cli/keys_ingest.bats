# stream-keys new, list, show, rotate, revoke, verify: the keys of publishers.
# ctest: timeout=240
load ../support/common
load ../support/ingest

verify() { printf '%s\n' "$1" | stream-keys verify "${@:2}"; }

@test "a key is shown once, its hash is stored, and it verifies" {
  key=$(stream-keys -q new demo --name studio)
  [[ "$key" =~ ^sk_[A-Za-z0-9_-]{43}$ ]]
  run ! grep -rqaF "$key" "$T/state"
  [ "$(verify "$key")" = demo ]
  run verify "${key}x"
  assert_status 1
  run verify demo
  assert_status 1
}

@test "the same label is the same key, and --rotate makes a new one" {
  first=$(stream-keys new demo --name studio --json 2>/dev/null)
  again=$(stream-keys new demo --name studio --json 2>/dev/null)
  assert_equal "$(jq -r .id <<<"$first")" "$(jq -r .id <<<"$again")"
  assert_equal "$(jq -r .key <<<"$again")" null
  run stream-keys new demo --name studio
  assert_status 0
  assert_output "is there already"
  fresh=$(stream-keys -q new demo --name studio --rotate)
  [ "$(verify "$fresh")" = demo ]
  run verify "$(jq -r .key <<<"$first")"
  assert_status 1
}

@test "limits are kept: protocol, address, stream, expiry" {
  key=$(stream-keys -q new demo --protocols srt --protocols whip --from 192.0.2.0/24 --expires 30d)
  [ "$(verify "$key" --protocol srt --address 192.0.2.7)" = demo ]
  run verify "$key" --protocol rtmp --address 192.0.2.7
  assert_status 1
  assert_output "protocol"
  run verify "$key" --protocol srt --address 198.51.100.7
  assert_status 1
  run verify "$key" --protocol srt --address 192.0.2.7 --stream other
  assert_status 1
  soon=$(stream-keys -q new demo --expires 100ms)
  wait_for 5 bash -c "! printf %s '$soon' | stream-keys -q verify"
  stream-keys list --json --all >"$T/list.json"
  assert_json "$T/list.json" '[.keys[].state] | sort == ["active", "expired"]'
}

@test "rotation: both count during the grace, then one; revocation ends both" {
  old=$(stream-keys -q new demo --name studio)
  id=$(stream-keys list --json | jq -r '.keys[0].id')
  fresh=$(stream-keys -q rotate "$id" --grace 1h)
  verify "$old"
  verify "$fresh"
  newest=$(stream-keys -q rotate "$id")
  run verify "$old"
  assert_status 1
  echo "$id" | stream-keys -q revoke --stdin
  for key in "$old" "$fresh" "$newest"; do
    run verify "$key"
    assert_status 1
  done
  stream-keys -q revoke "$id"
  assert_equal "$(stream-keys list --no-header)" ""
  assert_equal "$(stream-keys list --no-header --all | wc -l)" 3
}

@test "unknown ids are named, and the known ones are done" {
  stream-keys -q new demo --name studio
  id=$(stream-keys list --json | jq -r '.keys[0].id')
  run stream-keys revoke k_none
  assert_status 1
  assert_output "k_none"
  run stream-keys revoke "$id" k_none
  assert_status 13
  run stream-keys show k_none
  assert_status 1
  run stream-keys revoke
  assert_status 2
}

@test "hostile names are refused before anything is written" {
  for name in ../x a/b A "" "$(printf 'a\nb')" "$(printf 'x%.0s' $(seq 300))"; do
    run stream-keys new "$name"
    assert_status 2
  done
  run stream-keys new demo --name "$(printf 'a\033[31m')"
  assert_status 2
  run stream-keys new demo --from 10.0.0.1/8
  assert_status 2
  assert_output "10.0.0.1/8"
  run stream-keys isue demo
  assert_status 2
  [ ! -e "$T/state/ingest-keys" ]
}

@test "a dry run issues and ends nothing" {
  run stream-keys new demo --name x -n --json
  assert_status 0
  assert_output '"key":null' '"dry_run":true'
  [ ! -e "$T/state/ingest-keys" ]
  key=$(stream-keys -q new demo --name x)
  id=$(stream-keys list --json | jq -r '.keys[0].id')
  stream-keys -q rotate "$id" -n
  stream-keys -q revoke "$id" -n
  verify "$key"
}

@test "killed at every system call of a change, the key file is the old or the new one" {
  stream-keys -q new demo --name one
  id=$(stream-keys list --json | jq -r '.keys[0].id')
  run kill_everywhere.py "$T/state" stream-keys -q revoke "$id" --store "{}/ingest-keys" \
    -- stream-keys list --no-header --all --store "{}/ingest-keys"
  [ "$status" -ne 77 ] || skip "strace can't trace here"
  echo "# $output"
  assert_status 0
}

@test "twenty writers at once lose no key" {
  for round in 1 2 3; do
    writers=()
    for n in $(seq 20); do
      stream-keys -q new demo --name "r$round-$n" >/dev/null &
      writers+=($!)
    done
    wait "${writers[@]}"
  done
  assert_equal "$(stream-keys list --no-header | wc -l)" 60
}

two_publish() { [ "$(event_count publisher.connected)" = 2 ]; }

@test "stream-ingest reads what stream-keys writes, and drops a revoked publisher within 2 s if asked" {
  key=$(stream-keys -q new demo --name studio)
  stays=$(stream-keys -q new other --name stays)
  id=$(stream-keys list --json --stream demo | jq -r '.keys[0].id')
  stays_id=$(stream-keys list --json --stream other | jq -r '.keys[0].id')
  listen --key-file "$T/state/ingest-keys"
  start kicked rtmp_peer.py publish "$port" "$key" "$(clip flash_flv)" --realtime --end hang
  start revoked rtmp_peer.py publish "$port" "$stays" "$(clip flash_flv)" --realtime --end hang
  wait_for 10 two_publish
  stream-keys -q revoke "$stays_id"
  begin=$EPOCHREALTIME
  stream-keys -q revoke "$id" --kick
  wait_for 5 has_event "$T/events" publisher.disconnected
  less "$(echo "$EPOCHREALTIME - $begin" | bc)" 2
  wait_exit kicked
  # Without --kick a running session stays; neither key lets anybody in again.
  running revoked
  for gone in "$key" "$stays"; do
    peer attack refusal "$port" "$gone" >"$T/refusal.json"
    assert_json "$T/refusal.json" '.outcome == "refused"'
  done
  assert_event publisher.refused '.reason | test("revoked")'
  run grep -rF -e "$key" -e "$stays" "$T/events" "$T/ingest.err" "$T/ingest.out"
  assert_status 1
}
