# stream-keys doctor: every check can be made to fail, and says what to do.
load ../support/common

setup() {
  stream_setup
  export STREAM_VAULT_KEY_FILE="$T/secret/key"
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  echo x | stream-keys -q vault put one @-
  stream-keys -q new demo --name a >/dev/null
}

state() { jq -r --arg id "$1" '[.checks[] | select(.id == $id).state] | join(" ")' "$T/doctor.json"; }
doctor() { stream-keys doctor --json "$@" >"$T/doctor.json"; }

@test "all is well" {
  doctor
  assert_json "$T/doctor.json" '[.checks[] | select(.state != "ok")] == []'
  assert_equal "$(state vault.file) $(state vault.key-file) $(state keys.file)" "ok ok ok"
}

@test "files that others can read" {
  chmod 644 "$T/state/vault"
  chmod 640 "$STREAM_VAULT_KEY_FILE"
  chmod 604 "$T/state/ingest-keys"
  run stream-keys doctor
  assert_status 1
  assert_output "chmod 600 $T/state/vault" "chmod 600 $STREAM_VAULT_KEY_FILE"
  run doctor
  assert_status 1
  assert_equal "$(state vault.file) $(state vault.key-file) $(state keys.file)" "fail fail fail"
}

@test "what expires soon, what has expired, what is unused" {
  echo x | stream-keys -q vault put soon @- --expires 1h
  echo x | stream-keys -q vault put gone @- --expires 1ms
  stream-keys -q new demo --expires 1d >/dev/null
  run doctor
  assert_status 1
  assert_equal "$(state vault.expiry)" "fail warn"
  assert_equal "$(state keys.expiry)" "warn"
  doctor --within 1s || true
  assert_equal "$(state vault.expiry) $(state keys.expiry)" "fail "
  doctor --unused 1ms || true
  assert_equal "$(state vault.unused)" "warn warn warn"
  stream-keys vault get one
  doctor --unused 1h || true
  assert_equal "$(state vault.unused)" ""
}

@test "a cheap passphrase, a damaged vault, a damaged key file, a strange agent" {
  (umask 077 && echo "long enough" >"$T/secret/phrase")
  stream-keys -q vault init --vault "$T/cheap" --passphrase "@file:$T/secret/phrase" --memory 8MiB --passes 1
  doctor --vault "$T/cheap"
  assert_equal "$(state vault.cost)" warn
  head -c 50 "$T/state/vault" >"$T/cut" && cat "$T/cut" >"$T/state/vault"
  echo nonsense >>"$T/state/ingest-keys"
  mkdir -p "$T/run" && touch "$T/run/vault-agent.sock"
  run doctor
  assert_status 1
  assert_equal "$(state vault.content) $(state keys.content) $(state agent.socket)" "fail fail fail"
}
