#!/usr/bin/env bats
# stream-archive: what goes, what stays, who may see it.
load ../support/common
load ../support/archive

A="stream-archive"

# fill STORE: recordings r1 (oldest) to r5, each 1000 bytes, archived 100, 80, 60, 2 and 0 days ago.
fill() {
  local n=0 days key
  for days in 100 80 60 2 0; do
    n=$((n + 1))
    random_file "r$n.mp4" 1000
    $A put "r$n.mp4" --to "dir:$1" --stream demo --owner "u$((n % 2))"
    key=$1/_catalog/demo/r$n.json
    jq --arg at "$(date -u -d "-$days days" +%Y-%m-%dT%H:%M:%S.000Z)" '.archived_at = $at' "$key" >edited
    cp edited "$key"
  done
}

names() { $A list --store dir:store --refresh --no-header --fields recording "$@" | paste -sd' '; }

@test "prune: by age, with holds and the last kept; --dry-run tells, deletes nothing" {
  fill store
  printf 'recordings:\n  age: 50d\n' >policy.yaml
  run --separate-stderr $A prune --store dir:store --policy policy.yaml --dry-run --json --trust-clock
  assert_status 0
  echo "$output" >plan.json
  assert_json plan.json '.dry_run and (.recordings | map(.recording) == ["r1", "r2", "r3"]) and .freed_bytes == 3000'
  assert_equal "$(names)" "r1 r2 r3 r4 r5"
  $A set r2 --store dir:store --hold
  printf 'recordings: {age: 50d}\nholds: [demo/r3]\n' >holds.yaml
  $A prune --store dir:store --policy holds.yaml --trust-clock
  assert_equal "$(names)" "r2 r3 r4 r5"
  [ ! -e store/demo/recording/r1.mp4 ]
  [ -e store/demo/recording/r2.mp4 ]
  printf 'recordings: {age: 1h, keep-last: 2}\n' >last.yaml
  $A prune --store dir:store --policy last.yaml --trust-clock
  assert_equal "$(names)" "r2 r4 r5"
  printf 'recordings: {agee: 1h}\n' >wrong.yaml
  run $A prune --store dir:store --policy wrong.yaml
  assert_status 6
}

@test "prune: what no entry knows stays, live segments go after a day" {
  fill store
  mkdir -p store/demo/1080p
  touch -d "-2 days" store/demo/1080p/segment_000001.m4s store/demo/1080p/init_1.mp4 store/demo/recording/unknown.mp4
  touch store/demo/1080p/segment_000002.m4s
  printf 'recordings: {max-size: 2500B}\n' >policy.yaml
  $A prune --store dir:store --policy policy.yaml --trust-clock
  assert_equal "$(names)" "r4 r5"
  [ -e store/demo/recording/unknown.mp4 ]
  [ -e store/demo/1080p/segment_000002.m4s ]
  [ -e store/demo/1080p/init_1.mp4 ]
  [ ! -e store/demo/1080p/segment_000001.m4s ]
}

@test "prune: a clock that jumped two days forward deletes nothing and says why" {
  fill store
  printf 'recordings: {age: 50d}\n' >policy.yaml
  $A prune --store dir:store --policy policy.yaml --trust-clock --dry-run
  # The last run was an hour ago by the time since boot, and 49 hours ago by the wall clock.
  boot=$(awk '{printf "%d", $1 * 1000}' /proc/uptime)
  mkdir -p "$T/state/archive"
  printf '{"wall_ms":%s,"boot_ms":%s,"boot_id":"%s"}' "$(($(date +%s%3N) - 49 * 3600000))" "$((boot - 3600000))" \
    "$(cat /proc/sys/kernel/random/boot_id)" >"$T/state/archive/clock.json"
  run $A prune --store dir:store --policy policy.yaml
  assert_status 4
  assert_output "can't be trusted" "it jumped forward by"
  assert_equal "$(names)" "r1 r2 r3 r4 r5"
  # A store that tells another time contradicts as well.
  start_fake
  curl -sf "$S3/_clock" -d -172800 >/dev/null
  random_file x.mp4 100
  $A put x.mp4 --to s3://test
  rm "$T/state/archive/clock.json"
  run $A prune --store s3://test --policy policy.yaml
  assert_status 4
  assert_output "ahead of the store's"
}

@test "prune: where the boot can't be known, as in a sandboxed service, other proof does" {
  unshare -m mount -t proc -o subset=pid none /proc 2>/dev/null || skip "no right to mount a bare /proc"
  fill store
  printf 'recordings: {max-size: 2500B}\n' >policy.yaml
  unshare -m bash -ec 'mount -t proc -o subset=pid none /proc; exec "$@"' - $A prune --store dir:store --policy policy.yaml --trust-clock
  assert_equal "$(names)" "r4 r5"
  assert_json state/archive/clock.json '.boot_id == ""'
}

@test "hidden ones are not listed, rights are in the entry" {
  fill store
  $A hide r1 r2 --store dir:store
  assert_equal "$(names)" "r3 r4 r5"
  assert_equal "$(names --all)" "r1 r2 r3 r4 r5"
  $A unhide r1 --store dir:store
  assert_equal "$(names)" "r1 r3 r4 r5"
  $A set r1 --store dir:store --private --allow ann --allow bob --forbid ann
  $A show r1 --store dir:store >entry.json
  schema_check.py entry.json
  assert_json entry.json '.visibility == "private" and .allow == ["bob"] and (.hidden | not)'
}

@test "delete takes all objects, says so in a receipt, and wants the name twice" {
  start_fake
  random_file a.mp4 1000
  $A put a.mp4 --to s3://test
  run $A delete a --store s3://test
  assert_status 2
  assert_output "--confirm a"
  $A set a --store s3://test --hold
  run $A delete a --store s3://test --confirm a
  assert_status 4
  $A set a --store s3://test --release
  $A delete a --store s3://test --confirm a >receipt.json
  assert_json receipt.json '.recording == "a" and .files[0].size_bytes == 1000 and .dry_run == false'
  assert_equal "$(objects length)" 0
  run $A show a --store s3://test
  assert_status 1
}

@test "export restores what belongs to a user" {
  fill store
  $A export --user u1 -o data --store dir:store
  assert_json data/export.json '.recordings | map(.recording) == ["r1", "r3", "r5"]'
  cmp r3.mp4 data/demo/r3/r3.mp4
  [ ! -e data/demo/r2 ]
}

@test "the rule against dead uploads is printed and installed" {
  start_fake
  run $A lifecycle --store s3://test/pre --days 3
  assert_output "<DaysAfterInitiation>3<" "<Prefix>pre/<"
  $A lifecycle --store s3://test/pre --days 3 --install
  curl -sf "$S3/_state" | jq -r .lifecycle | grep -q AbortIncompleteMultipartUpload
}

@test "prune --local: only what is archived and was read back goes, the oldest first" {
  mkdir -p rec/deep
  local n
  for n in 1 2 3 4 5 6; do
    random_file "rec/r$n.mp4" 1000
    manifest "r$n" demo "r$n.mp4"
  done
  mv rec/r1.* rec/deep
  $A put rec/deep/r1.json rec/r2.json rec/r3.json rec/r4.json --to dir:store --parallel 1
  $A verify r1 r2 r3 --store dir:store
  echo changed >>rec/r3.mp4
  jq '.ended_at = null | .state = "recording"' rec/r6.json >edited
  cp edited rec/r6.json
  ln -s "$T/rec/r2.json" rec/link.json
  printf 'recordings: {age: 1h}\n' >policy.yaml
  run $A prune --store dir:store --policy policy.yaml --local rec
  assert_status 6
  assert_output 'no section "local"'
  printf 'local: {max-size: 4500B}\n' >policy.yaml  # 5006 B are there that have ended
  run --separate-stderr $A prune --store dir:store --policy policy.yaml --local rec --dry-run --json --trust-clock
  assert_status 0
  echo "$output" >plan.json
  assert_json plan.json '.dry_run and (.recordings | map(.recording) == ["r1"]) and .freed_bytes == 1000'
  [ -e rec/deep/r1.mp4 ]
  printf 'local: {max-size: 1B}\nholds: [demo/r2]\n' >policy.yaml
  run --separate-stderr $A prune --store dir:store --policy policy.yaml --local rec --json --trust-clock --events "$T/ev"
  assert_status 0
  echo "$output" >done.json
  assert_json done.json '(.recordings | map(.recording) == ["r1"]) and (.kept | map(.recording) == ["r3", "r4"])'
  assert_json done.json '(.kept[0].reason | contains("another size")) and (.kept[1].reason | contains("never read back"))'
  has_event ev file.deleted
  assert_equal "$(cd rec && find . -type f | sort | paste -sd' ')" \
    "./r2.json ./r2.mp4 ./r3.json ./r3.mp4 ./r4.json ./r4.mp4 ./r5.json ./r5.mp4 ./r6.json ./r6.mp4"
  # What the store has lost stays here, and a clock that is two days ahead deletes nothing.
  printf 'local: {max-size: 1B}\n' >policy.yaml
  mv store/demo/recording/r2.mp4 lost
  $A prune --store dir:store --policy policy.yaml --local rec --trust-clock
  [ -e rec/r2.mp4 ]
  mv lost store/demo/recording/r2.mp4
  start_fake
  $A put rec/r2.json --to s3://test --delete-after never
  $A verify r2 --store s3://test
  curl -sf "$S3/_clock" -d -172800 >/dev/null
  run $A prune --store s3://test --policy policy.yaml --local rec
  assert_status 4
  assert_output "can't be trusted"
  [ -e rec/r2.mp4 ]
  curl -sf "$S3/_clock" -d 0 >/dev/null
  $A prune --store s3://test --policy policy.yaml --local rec
  [ ! -e rec/r2.mp4 ]
  [ -e store/demo/recording/r2.mp4 ]
}
