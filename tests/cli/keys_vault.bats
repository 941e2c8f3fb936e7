# stream-keys vault and agent: what goes in comes out, to its owner only, whatever happens in between.
# ctest: timeout=300
load ../support/common

setup() {
  stream_setup
  export STREAM_VAULT_KEY_FILE="$T/secret/key"
}

init() { stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"; }
put() { printf '%s\n' "$2" | stream-keys -q vault put "$1" @-; }

@test "a secret is put, listed, given back and removed" {
  init
  put twitch "$CANARY"
  [ "$(stream-keys vault get twitch)" = "$CANARY" ]
  run stream-keys vault list
  assert_output twitch secret
  run stream-keys vault rm twitch
  assert_status 0
  run stream-keys vault get twitch
  assert_status 1
  assert_output "no entry 'twitch'"
}

@test "any program takes @vault:NAME where a secret belongs" {
  init
  key=$(stream-keys -q new demo)
  put publisher "$key"
  [ "$(stream-keys verify @vault:publisher)" = demo ]
  run stream-keys verify @vault:publishr
  assert_status 6
  assert_output "did you mean 'publisher'?"
  run stream-keys verify @vault:../x
  assert_status 2
}

@test "a second reader, made from stream-vault(5) alone, reads the file" {
  init
  put one first
  put two "zweite Zeile: ä"
  python3 "$SUPPORT/vault_reader.py" "$T/state/vault" "$STREAM_VAULT_KEY_FILE" >"$T/read.json"
  assert_json "$T/read.json" '.one == "first" and .two == "zweite Zeile: ä"'
}

@test "without a key and without a terminal it says what to do" {
  init
  run setsid -w env -u STREAM_VAULT_KEY_FILE stream-keys vault get one
  assert_status 4
  assert_output "nothing here opens" "STREAM_VAULT_KEY_FILE"
  run stream-keys vault get one --vault-key-file "$T/none"
  [ "$status" -ge 1 ]
  assert_output "$T/none"
}

@test "a systemd credential opens it" {
  init
  put one first
  mkdir "$T/secret/cred"
  cp "$STREAM_VAULT_KEY_FILE" "$T/secret/cred/stream-vault"
  CREDENTIALS_DIRECTORY="$T/secret/cred" run env -u STREAM_VAULT_KEY_FILE stream-keys vault get one
  assert_output first
}

@test "a passphrase is asked for on the terminal, without echo" {
  unset STREAM_VAULT_KEY_FILE
  printf '%s\n%s\n' "$CANARY" "$CANARY" >"$T/secret/twice"
  run on_terminal.py "$T/secret/twice" stream-keys vault init --memory 8MiB --passes 1
  assert_status 0
  assert_output "New passphrase" "Again"
  refute_output "$CANARY"
  echo "$CANARY" >"$T/secret/once"
  chmod 600 "$T/secret/once"
  run on_terminal.py "$T/secret/once" stream-keys vault put one "@file:$T/secret/once"
  assert_status 0
  refute_output "$CANARY"
  printf 'wrong one\n' >"$T/secret/wrong"
  run on_terminal.py "$T/secret/wrong" stream-keys vault get one
  assert_status 4
  assert_output "the passphrase does not open"
  printf '\\x03' >"$T/secret/interrupt"
  run on_terminal.py "$T/secret/interrupt" stream-keys vault get one
  [ "$status" -ne 0 ]
}

@test "the agent saves the typing, for its time only" {
  init
  put one first
  start agent stream-keys agent --lifetime 1h
  unset STREAM_VAULT_KEY_FILE
  wait_for 10 stream-keys vault get one
  [ "$(stat -c %a "$T/run/vault-agent.sock")" = 600 ]
  stop agent
  assert_status 0
  run ! setsid -w stream-keys vault get one
  [ ! -e "$T/run/vault-agent.sock" ]
  STREAM_VAULT_KEY_FILE="$T/secret/key" start agent stream-keys agent --lifetime 500ms
  wait_exit agent
  assert_status 0
}

@test "an agent in the background is there when the command returns" {
  init
  put one first
  stream-keys agent --detach --lifetime 1h 2>/dev/null </dev/null >/dev/null 3>&-
  unset STREAM_VAULT_KEY_FILE
  [ "$(stream-keys vault get one)" = first ]
}

@test "files of others, for others, and links are refused with the fix" {
  init
  put one first
  chmod 640 "$T/state/vault"
  run stream-keys vault get one
  assert_status 4
  assert_output "other users can read" "chmod 600"
  chmod 600 "$T/state/vault"
  chmod 644 "$STREAM_VAULT_KEY_FILE"
  run stream-keys vault get one
  assert_status 4
  assert_output "chmod 600"
  chmod 600 "$STREAM_VAULT_KEY_FILE"
  ln -s "$T/state/vault" "$T/link"
  run stream-keys vault get one --vault "$T/link"
  assert_status 4
  assert_output "symbolic link"
}

@test "everything it writes is closed to others, whatever the umask" {
  umask 0
  init
  put one first
  stream-keys -q new demo >/dev/null
  stream-keys -q vault export "$T/state/copy" --key-file "$T/secret/other"
  run find "$T/state" "$T/secret/key" "$T/secret/other" -perm /077
  assert_equal "$output" ""
}

@test "an export opens by its own key, and an import takes what is not there" {
  init
  put one first
  put two second
  stream-keys -q vault export "$T/copy" two --key-file "$T/secret/other"
  run stream-keys vault import "$T/copy" --from-key-file "$T/secret/other"
  assert_status 4
  assert_output "'two' is in"
  stream-keys -q vault rm two
  stream-keys -q vault import "$T/copy" --from-key-file "$T/secret/other"
  [ "$(stream-keys vault get two)" = second ]
  run stream-keys vault import "$T/copy" --from-key-file "$STREAM_VAULT_KEY_FILE"
  assert_status 4
}

@test "a new key opens it and the old one does not" {
  init
  put one first
  stream-keys -q vault rekey --key-file "$T/secret/new"
  run stream-keys vault get one
  assert_status 4
  [ "$(stream-keys vault get one --vault-key-file "$T/secret/new")" = first ]
}

@test "a dry run changes nothing" {
  init
  put one first
  before=$(sha256sum "$T/state/vault")
  printf x | stream-keys -q vault put two @- -n
  stream-keys -q vault rm one -n
  stream-keys -q vault rekey --key-file "$T/secret/new" -n
  [ ! -e "$T/secret/new" ]
  [ "$before" = "$(sha256sum "$T/state/vault")" ]
}

@test "killed at every system call of a save, the vault is the old or the new one" {
  init
  put one first
  echo second >"$T/secret/value"
  chmod 600 "$T/secret/value"
  run kill_everywhere.py "$T/state" stream-keys -q vault put one "@file:$T/secret/value" --vault {}/vault \
    -- stream-keys vault get one --vault {}/vault
  [ "$status" -ne 77 ] || skip "strace can't trace here"
  echo "# $output"
  assert_status 0
}

@test "a full disk leaves the old vault" {
  init
  put one first
  head -c 60000 /dev/zero | tr '\0' x >"$T/secret/big"
  chmod 600 "$T/secret/big"
  run bash -c "ulimit -f 8; stream-keys vault put one @file:$T/secret/big"
  [ "$status" -ne 0 ]
  [ "$(stream-keys vault get one)" = first ]
}

@test "twenty writers at once lose nothing" {
  init
  for round in 1 2 3 4 5; do
    writers=()
    for n in $(seq 20); do
      put "r$round-$n" "value $round $n" &
      writers+=($!)
    done
    wait "${writers[@]}"
  done
  assert_equal "$(stream-keys vault list --no-header | wc -l)" 100
  [ "$(stream-keys vault get r5-20)" = "value 5 20" ]
}

@test "a vault that asks for too much work is refused before any" {
  init
  # The header's source, passes and memory: a passphrase at 2^32-1 each.
  printf '\x01' | dd of="$T/state/vault" bs=1 seek=9 conv=notrunc status=none
  printf '\xff\xff\xff\xff\xff\xff\xff\xff' | dd of="$T/state/vault" bs=1 seek=12 conv=notrunc status=none
  run timeout 5 stream-keys vault get one
  assert_status 6
  assert_output "more work"
}

@test "no secret on a command line, in an environment, in a core file" {
  init
  put one "$CANARY"
  start agent stream-keys agent
  wait_for 10 test -S "$T/run/vault-agent.sock"
  # Not dumpable: the kernel gives such a process's files to root.
  [ "$(stat -c %u "/proc/$(pid agent)/mem")" = 0 ]
  grep -q "Max core file size *0 *0" "/proc/$(pid agent)/limits"
  run ! grep -aqF "$CANARY" "/proc/$(pid agent)/cmdline"
  run stream-keys vault put two "$CANARY"
  assert_status 2
  refute_output "$CANARY"
}

@test "the example in stream-vault(5) is a vault" {
  sed -n '/^.Bd/,/^.Ed/p' "$ROOT/man/stream-vault.5" | grep -E '^[0-9a-f]{2,}$' | head -n -1 |
    python3 -c "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))" >"$T/example"
  chmod 600 "$T/example"
  (umask 077 && printf '1%.0s' $(seq 64) >"$T/secret/ones")
  [ "$(stream-keys vault get twitch --vault "$T/example" --vault-key-file "$T/secret/ones")" = live_123_abc ]
  python3 "$SUPPORT/vault_reader.py" "$T/example" "$T/secret/ones" >"$T/read.json"
  assert_json "$T/read.json" '.twitch == "live_123_abc"'
}

@test "no secret is in any command line or environment while programs use it" {
  init
  secret="seen-$RANDOM$RANDOM$RANDOM"
  (umask 077 && printf '%s\n' "$secret" >"$T/secret/value")
  start sampler seen_in_proc.py "$T/secret/value" 4
  for n in 1 2 3 4 5 6; do
    stream-keys -q vault put "one$n" "@file:$T/secret/value"
    stream-keys -q verify "@vault:one$n" --store "$T/state/keys" || true
    stream-keys vault get "one$n" >/dev/null
    stream-keys -q token livekit --api-key k --api-secret "@vault:one$n" --room r --identity i >/dev/null
    stream-keys -q vault export "$T/copy$n" --passphrase "@file:$T/secret/value" --memory 8MiB --passes 1
  done
  wait_exit sampler
  grep -q looked "$T/sampler.out"
  run ! grep found "$T/sampler.out"
}
