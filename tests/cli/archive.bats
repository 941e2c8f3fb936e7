#!/usr/bin/env bats
# ctest: timeout=240
# stream-archive: put, verify, get, presign and the catalogue, against the scripted S3 server.
load ../support/common
load ../support/archive

A="stream-archive"

@test "a recording goes up in parts, is listed, verified and restored" {
  start_fake
  mkdir rec
  random_file rec/demo-1.mp4 18000001
  random_file rec/demo-2.mp4 1000
  manifest demo-1 demo demo-1.mp4 demo-2.mp4
  run --separate-stderr $A put rec/demo-1.json --to s3://test/pre --part-size 5MiB --json --events "$T/ev.ndjson"
  assert_status 0
  echo "$output" >out.json
  assert_json out.json '.recordings[0] | .recording == "demo-1" and .sent_bytes == 18001001 and .was_there == false'
  has_event ev.ndjson recording.archived
  assert_equal "$(objects 'keys | join(" ")')" \
    "pre/_catalog/demo/demo-1.json pre/demo/recording/demo-1.mp4 pre/demo/recording/demo-2.mp4"
  assert_equal "$(objects '.["pre/demo/recording/demo-1.mp4"].sha256')" "$(sha256sum <rec/demo-1.mp4 | cut -c1-64)"
  assert_equal "$(objects '.["pre/demo/recording/demo-1.mp4"]["content-type"]')" video/mp4
  assert_equal "$(requests '.method == "PUT" and (.query | contains("partNumber"))')" 4

  $A show demo-1 --store s3://test/pre >entry.json
  schema_check.py entry.json
  assert_json entry.json '.files[0].part_sha256 | length == 4'
  run --separate-stderr $A list --store s3://test/pre
  assert_output demo-1 2:00:00
  run --separate-stderr $A list --store s3://test/pre --stream other --no-header
  assert_equal "$output" ""
  run --separate-stderr $A search DEMO-2.mp4 --store s3://test/pre --json
  echo "$output" >found.json
  assert_json found.json '.recordings | length == 1 and .[0].recording == "demo-1"'

  # Again: nothing is sent.
  run --separate-stderr $A put rec/demo-1.json --to s3://test/pre --part-size 5MiB --json
  assert_status 0
  echo "$output" >again.json
  assert_json again.json '.recordings[0] | .sent_bytes == 0 and .was_there'

  run $A verify --store s3://test/pre
  assert_status 0
  $A get demo-1 --store s3://test/pre -o back
  cmp rec/demo-1.mp4 back/demo-1.mp4
  cmp rec/demo-2.mp4 back/demo-2.mp4
  assert_json back/demo-1.json '.recording == "demo-1"'
  $A get demo-1 --store s3://test/pre --range 1000-1999 -o piece
  cmp piece <(tail -c +1001 rec/demo-1.mp4 | head -c 1000)
  url=$($A presign demo-1 --store s3://test/pre | tail -n 1)
  curl -sf "$url" | cmp - rec/demo-2.mp4
}

@test "a directory is a store as well" {
  random_file talk.mp4 3000000
  $A put talk.mp4 --to dir:store --stream demo --delete-after verified
  [ ! -e talk.mp4 ]
  [ -s store/demo/recording/talk.mp4 ]
  $A get talk --store dir:store -o back
  random_file talk.mp4 3000000
  cmp talk.mp4 back/talk.mp4
  run $A presign talk --store dir:store
  assert_status 3
  run $A show nothing --store dir:store
  assert_status 1
  assert_output "no recording nothing"
}

@test "an object that is there is never overwritten" {
  start_fake
  random_file a.mp4 1000
  $A put a.mp4 --to s3://test
  random_file b.mp4 1000
  mv b.mp4 a.mp4
  run $A put a.mp4 --to s3://test --json
  assert_status 4
  assert_output archive.exists
  assert_equal "$(objects '."recording/a.mp4".sha256')" "$(random_file a.mp4 1000; sha256sum <a.mp4 | cut -c1-64)"
  # Two writers at once, different contents, in parts: one wins, the other is told.
  mkdir 1 2
  random_file 1/race.mp4 12000000
  random_file 2/x 12000001
  mv 2/x 2/race.mp4
  STREAM_STATE_DIR=$T/s1 start one $A put 1/race.mp4 --to s3://test --part-size 5MiB
  STREAM_STATE_DIR=$T/s2 start two $A put 2/race.mp4 --to s3://test --part-size 5MiB
  wait_exit one
  first=$status
  wait_exit two
  assert_equal "$(printf '%s\n' "$first" "$status" | sort -n | paste -sd' ')" "0 4"
}

@test "killed in mid-upload, it goes on: no part that arrived is sent twice" {
  start_fake
  random_file big.mp4 62914560
  faults '[{"method":"PUT","query":"partNumber=","do":"slow:0.15"}]'
  for after in 2 5 8; do
    start put $A put big.mp4 --to s3://test --part-size 5MiB --parallel 1
    stored() { [ "$(requests '.status == 200 and (.query | contains("partNumber"))')" -ge "$after" ]; }
    wait_for 20 stored
    kill -KILL "$(pid put)"
    wait_exit put
  done
  faults '[]'
  $A put big.mp4 --to s3://test --part-size 5MiB
  assert_equal "$(objects '."recording/big.mp4".sha256')" "$(sha256sum <big.mp4 | cut -c1-64)"
  sent=$(requests '.status == 200 and (.query | contains("partNumber"))')
  [ "$sent" -le 15 ] || fail "$sent parts were sent for 12"
  assert_equal "$(requests '.method == "POST" and (.query | startswith("uploads"))')" 1
  [ -z "$(find "$T/state/archive/queue" -type f)" ]
}

# killed_upload FILE PARTS: by when so many parts of all that had its name have arrived.
killed_upload() {
  local name=${1##*/} parts=$2
  begun() { [ "$(requests '.status == 200 and (.query | contains("partNumber")) and (.path | endswith("'"$name"'"))')" -ge "$parts" ]; }
  start put $A put "$1" --to s3://test --part-size 5MiB --parallel 1
  wait_for 20 begun
  kill -KILL "$(pid put)"
  wait_exit put
}

@test "A03: uploads of ours whose file is gone are aborted, never another's" {
  start_fake
  mkdir elsewhere
  random_file gone.mp4 30000000
  random_file gone2.mp4 30000000
  cp gone.mp4 elsewhere/
  faults '[{"method":"PUT","query":"partNumber=","do":"slow:0.2"}]'
  # Another machine's, of the same key.
  STREAM_STATE_DIR=$T/elsewhere/state killed_upload elsewhere/gone.mp4 1
  theirs=$(curl -sf "$S3/_uploads" | jq -c .uploads)
  assert_equal "$(jq length <<<"$theirs")" 1
  # One part of theirs may have been on its way.
  killed_upload gone.mp4 3
  killed_upload gone2.mp4 1
  assert_equal "$(curl -sf "$S3/_uploads" | jq '.uploads | length')" 3
  faults '[]'
  rm gone.mp4 gone2.mp4
  random_file other.mp4 100
  $A put other.mp4 --to s3://test
  assert_equal "$(curl -sf "$S3/_uploads" | jq -c .uploads)" "$theirs"
  # Who owns it goes on with it.
  STREAM_STATE_DIR=$T/elsewhere/state $A put elsewhere/gone.mp4 --to s3://test --part-size 5MiB
  assert_equal "$(objects '."recording/gone.mp4".sha256')" "$(sha256sum <elsewhere/gone.mp4 | cut -c1-64)"
  assert_equal "$(curl -sf "$S3/_uploads" | jq -c .uploads)" "[]"
}

@test "what a store can do wrong: each is ridden out" {
  start_fake
  random_file f.mp4 26214400
  local n=0 fault
  for fault in '{"times":6,"do":"503"}' '{"query":"partNumber=3","times":1,"do":"reset_mid"}' \
    '{"query":"partNumber=2","times":1,"do":"reset"}' '{"query":"partNumber=5","times":2,"do":"expired"}' \
    '{"query":"partNumber=1","times":1,"do":"400:BadDigest"}' '{"method":"POST","query":"uploadId","times":2,"do":"error200"}' \
    '{"method":"POST","query":"uploadId","times":1,"do":"lost"}' '{"query":"partNumber=4","times":1,"do":"lost"}' \
    '{"query":"partNumber=2","times":1,"do":"hang"}' '{"query":"partNumber=2","times":1,"do":"hang_head"}' \
    '{"query":"partNumber=2","times":1,"do":"hang_after"}' '{"method":"HEAD","times":1,"do":"hang_head"}'; do
    faults "[$fault]"
    n=$((n + 1))
    timeout 30 $A put f.mp4 --to "s3://test/$n" --part-size 5MiB --stall-timeout 1s --delete-after never 2>"$n.err" ||
      fail "$fault: $(cat "$n.err")"
    assert_equal "$(objects ".\"$n/recording/f.mp4\".sha256")" "$(sha256sum <f.mp4 | cut -c1-64)" "$fault"
  done
  assert_equal "$(curl -sf "$S3/_uploads" | jq -c .uploads)" "[]"
}

@test "a clock that is 20 minutes wrong is no hindrance" {
  start_fake
  random_file f.mp4 1000
  curl -sf "$S3/_clock" -d 1200 >/dev/null
  $A put f.mp4 --to s3://test
  curl -sf "$S3/_clock" -d -172800 >/dev/null
  $A put f.mp4 --to s3://test/past
  assert_equal "$(objects 'keys | map(select(endswith("mp4"))) | length')" 2
}

@test "the local copy goes only when size and checksum were read back" {
  start_fake
  random_file f.mp4 6000000
  faults '[{"method":"PUT","path":"f.mp4","query":"partNumber=1","times":1,"do":"corrupt"}]'
  run $A put f.mp4 --to s3://test --part-size 5MiB --delete-after verified --json
  assert_status 12
  assert_output archive.damaged
  [ -s f.mp4 ]
  faults '[{"method":"PUT","path":"_catalog","times":99,"do":"403:AccessDenied"}]'
  run $A put f.mp4 --to s3://test/b --delete-after verified
  assert_status 11
  [ -s f.mp4 ]
  faults '[]'
  run $A put f.mp4 --to s3://test/b --delete-after verified --events "$T/ev"
  assert_status 0
  has_event ev object.verified || has_event ev file.deleted
  [ ! -e f.mp4 ]
}

@test "damage in the store is found" {
  start_fake
  random_file a.mp4 100000
  random_file b.mp4 100000
  faults '[{"method":"PUT","path":"recording/a.mp4","times":1,"do":"corrupt"}]'
  $A put a.mp4 b.mp4 --to s3://test
  run $A verify --store s3://test
  assert_status 12
  assert_output recording/a.mp4 "another SHA-256"
  refute_output recording/b.mp4
  run $A verify b --store s3://test
  assert_status 0
  run $A verify --sample 1 --store s3://test --json
  assert_output '"files":1'
  run $A get a --store s3://test -o back
  assert_status 12
  [ ! -e back/a.mp4 ]
}

@test "standard input is kept until it has arrived; what a kill left is finished later" {
  start_fake
  random_file talk.mp4 14000000
  $A put --stdin --as talk.mp4 --to s3://test --part-size 5MiB <talk.mp4
  assert_equal "$(objects '."recording/talk.mp4".sha256')" "$(sha256sum <talk.mp4 | cut -c1-64)"
  [ -z "$(find "$T/state/archive/queue" -type f)" ]
  faults '[{"method":"PUT","query":"partNumber=3","do":"503"}]'
  mkfifo pipe
  $A put --stdin --as later.mp4 --to s3://test --part-size 5MiB <pipe 2>put.err &
  cat talk.mp4 >pipe
  spooled() {
    [ "$(cat "$T"/state/archive/queue/*.spool | wc -c)" = 14000000 ] &&
      [ "$(requests '(.path | endswith("later.mp4")) and (.query | contains("partNumber=2"))')" -gt 0 ]
  }
  wait_for 20 spooled
  kill -KILL $!
  wait $! || true
  : >"$(ls "$T"/state/archive/queue/*.job).tmp1-1" # what it was just writing
  faults '[]'
  $A put --pending --to s3://test
  assert_equal "$(objects '."recording/later.mp4".sha256')" "$(sha256sum <talk.mp4 | cut -c1-64)"
  [ -z "$(find "$T/state/archive/queue" -type f)" ]
}

@test "what is kept of standard input has a bound, and leaves room on the disk" {
  random_file talk.mp4 14000000
  # Whoever writes without an end is told at once.
  run bash -c 'cat talk.mp4 /dev/zero | { stream-archive put --stdin --as talk.mp4 --to dir:store \
    --spool-max 8MiB --json >out.json 2>err; echo "$?"; }'
  assert_output 13
  grep -q -- "--spool-max is 8MiB" err
  size=$(stat -c %s store/recording/talk.mp4)
  [ "$size" -gt 7000000 ] && [ "$size" -le 8388608 ]
  cmp -n "$size" talk.mp4 store/recording/talk.mp4
  assert_json out.json '.recordings[0].verified and .failed == 1'
  [ -z "$(find "$T/state/archive/queue" -type f)" ]
  # What earlier runs left counts.
  mkdir -p "$T/state/archive/queue"
  truncate -s 8MiB "$T/state/archive/queue/0.spool"
  run $A put --stdin --as b.mp4 --to dir:store --spool-max 8MiB <talk.mp4
  assert_status 1
  assert_output "cannot keep standard input" "--pending"
  run $A put --stdin --as b.mp4 --to dir:store --min-free 100000GiB <talk.mp4
  assert_status 1
  assert_output "--min-free"
  [ ! -e store/recording/b.mp4 ]
  $A put --stdin --as b.mp4 --to dir:store --spool-max 32MiB <talk.mp4
  cmp talk.mp4 store/recording/b.mp4
}

@test "45 streams whose 3 files end in the same second: all arrive, memory is bounded" {
  start_fake
  mkdir rec
  random_file seed 500000
  for s in $(seq 45); do
    for n in 1 2 3; do cp seed "rec/s$s-$n.mp4"; done
    manifest "s$s" "s$s" "s$s-1.mp4" "s$s-2.mp4" "s$s-3.mp4"
  done
  faults '[{"times":40,"do":"503"}]'
  start put $A put rec/*.json --to s3://test
  wait_exit put 90
  assert_equal "$status" 0
  assert_equal "$(objects 'map(select(.size == 500000)) | length')" 135
  assert_equal "$(objects 'keys | map(select(startswith("_catalog"))) | length')" 45
  run --separate-stderr /usr/bin/env time -f %M $A put rec/*.json --to s3://test/b
  [ "$(tail -n 1 <<<"$stderr")" -lt 80000 ] || fail "$stderr KiB"
}

@test "bandwidth is limited; a terminal shows how far it is" {
  start_fake
  random_file f.mp4 3000000
  local began ended
  began=$(date +%s%N)
  run env -u CI TERM=xterm on_terminal.py /dev/null $A put f.mp4 --to s3://test --limit 12M
  assert_equal "$status" 0
  ended=$(date +%s%N)
  [[ $output =~ uploading\ \ [0-9]+\ %\ \ [0-9.]+\ [KM]?i?B\ of\ 2.9\ MiB ]] || fail "$output"
  [[ $output == *$'\e[Kf is in s3://test' ]] || fail "the line was not taken away: $output"
  [ $((ended - began)) -gt 1500000000 ] || fail "3 MB at 1.5 MB/s took $(((ended - began) / 1000000)) ms"
  [ $((ended - began)) -lt 5000000000 ]
}

@test "secrets are in no argument, no output; errors say what to do" {
  start_fake
  echo "fake:fake-secret" >secret/s3
  chmod 600 secret/s3
  random_file f.mp4 1000
  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY $A put f.mp4 --to s3://test --credentials @file:secret/s3
  run env -u AWS_ACCESS_KEY_ID $A put f.mp4 --to s3://test
  assert_status 4
  assert_output "--credentials"
  mkdir -p "$HOME/.aws"
  printf '[default]\naws_access_key_id = fake\naws_secret_access_key = %s\n' "$CANARY" >"$HOME/.aws/credentials"
  mv "$HOME/.aws/credentials" secret/credentials
  run env -u AWS_ACCESS_KEY_ID AWS_SHARED_CREDENTIALS_FILE=secret/credentials $A list --refresh --store s3://test -vv
  assert_status 11
  refute_output "$CANARY"
  run $A put f.mp4 --to s3://test --credentials fake:fake-secret
  assert_status 2
  refute_output fake-secret
  run $A put f.mp4 --to ftp://x
  assert_status 2
  run $A put f.mp4 --to s3://nobucket
  assert_status 11
}
