# stream-archive with MinIO, by tests/interop/run.sh.
# go: github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
load ../support/common
load ../support/archive

A="stream-archive"

setup() {
  stream_setup
  local port
  port=$(free_port)
  S3=http://127.0.0.1:$port
  export S3 AWS_ACCESS_KEY_ID=fake AWS_SECRET_ACCESS_KEY=fake-secret AWS_ENDPOINT_URL=$S3
  start minio env MINIO_ROOT_USER=fake MINIO_ROOT_PASSWORD=fake-secret MINIO_BROWSER=off MINIO_UPDATE=off \
    "$PEER" server --quiet --address "127.0.0.1:$port" "$T/minio"
  wait_for 30 curl -sf "$S3/minio/health/ready"
  curl -sf -X PUT --aws-sigv4 aws:amz:us-east-1:s3 --user fake:fake-secret "$S3/test" \
    -H "x-amz-content-sha256: UNSIGNED-PAYLOAD"
}

journaled() { cat "$T"/state/archive/queue/*.upload 2>/dev/null | grep -c '"part":'; }

@test "the conformance suite holds" {
  # MinIO lists unfinished uploads of a whole key only.
  TEST_S3_ENDPOINT=$S3 TEST_S3_LACKS=uploads run unit-archive -tc="conformance: the S3*"
  assert_status 0
  assert_output "1 passed"
  AWS_SECRET_ACCESS_KEY=wrong TEST_S3_ENDPOINT=$S3 run unit-archive -tc="conformance: the S3*"
  assert_status 1
  assert_output "HTTP 403"
}

@test "put, killed in mid-upload three times, goes on; verified, restored by ranges, presigned" {
  random_file big.mp4 62914561
  local after known
  for after in 2 5 8; do
    start put $A put big.mp4 --to s3://test/pre --stream demo --part-size 5MiB --parallel 1 --limit 120M
    come() { [ "$(journaled)" -ge "$after" ]; }
    wait_for 30 come
    kill -KILL "$(pid put)"
    wait_exit put
  done
  known=$(journaled)
  run --separate-stderr $A put big.mp4 --to s3://test/pre --stream demo --part-size 5MiB --json
  assert_status 0
  echo "$output" >put.json
  assert_json put.json ".recordings[0].sent_bytes <= 62914561 - $known * 5242880"
  [ -z "$(find "$T/state/archive/queue" -type f)" ]
  $A verify --store s3://test/pre
  $A get big --store s3://test/pre -o back
  cmp big.mp4 back/big.mp4
  # Over the edge of two parts, to the end, from the end.
  $A get big --store s3://test/pre --range 5242000-5243999 -o - | cmp - <(tail -c +5242001 big.mp4 | head -c 2000)
  $A get big --store s3://test/pre --range 62914000- -o - | cmp - <(tail -c +62914001 big.mp4)
  curl -sf "$($A presign big --store s3://test/pre | tail -n 1)" | cmp - big.mp4
  $A presign --key drop.bin --method PUT --store s3://test/pre >url
  curl -sf -T put.json "$(cat url)"
  curl -sf "$($A presign --key drop.bin --store s3://test/pre)" | cmp - put.json
  # A part of a restoration that was broken off is not fetched again.
  mkdir half
  head -c 50000000 big.mp4 >half/big.mp4.part
  run --separate-stderr $A get big --store s3://test/pre -o half --json
  assert_status 0
  assert_output '"received_bytes":12914561'
}

@test "one of two writers wins, with parts and without" {
  mkdir 1 2
  local size first
  for size in 1000 12000000; do
    random_file 1/race.mp4 "$size"
    random_file 2/race.mp4 "$size"
    STREAM_STATE_DIR=$T/s1 start one $A put 1/race.mp4 --to "s3://test/$size" --part-size 5MiB
    STREAM_STATE_DIR=$T/s2 start two $A put 2/race.mp4 --to "s3://test/$size" --part-size 5MiB
    wait_exit one
    first=$status
    wait_exit two
    assert_equal "$(printf '%s\n' "$first" "$status" | sort -n | paste -sd' ')" "0 4" "$size bytes"
  done
}

@test "what is too much goes, what is held stays; deletion has a receipt" {
  local n
  for n in 1 2 3 4; do
    random_file "r$n.mp4" 100000
    touch -d "-$((10 - n)) days" "r$n.mp4"
    $A put "r$n.mp4" --to s3://test --stream demo
  done
  $A set r1 --store s3://test --hold
  printf 'recordings: {max-size: 250kB}\n' >policy.yaml
  names() { $A list --store s3://test --refresh --no-header --fields recording | paste -sd' '; }
  run --separate-stderr $A prune --store s3://test --policy policy.yaml --trust-clock --dry-run --json
  assert_status 0
  assert_equal "$(names)" "r1 r2 r3 r4"
  $A prune --store s3://test --policy policy.yaml --trust-clock
  assert_equal "$(names)" "r1 r4"
  run $A verify --store s3://test
  assert_status 0
  $A delete r4 --store s3://test --confirm r4 >receipt.json
  assert_json receipt.json '.files[0].size_bytes == 100000'
  assert_equal "$(names)" "r1"
  # It ends unfinished uploads by itself and takes no rule about them.
  run $A lifecycle --store s3://test --install
  assert_status 3
  assert_output "does not take the rule"
}

@test "a live output is mirrored" {
  stream-ladder -q -i "$(clip flash_4s)" -o hls/demo --rung 180p@300k --segment 1s --dvr all
  $A push hls/demo --to s3://test/live
  local file
  for file in master.m3u8 180p/playlist.m3u8 180p/segment_000001.m4s; do
    curl -sf "$($A presign --key "live/demo/$file" --store s3://test)" | cmp - "hls/demo/$file"
  done
}
