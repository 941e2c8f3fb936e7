#!/usr/bin/env bats
# Every store passes the one conformance suite, tests/unit/archive/store_test.cpp.
load ../support/common
load ../support/archive

@test "the conformance suite holds for the scripted S3 server" {
  start_fake
  TEST_S3_ENDPOINT=$S3 run unit-archive -tc="conformance: the S3*"
  assert_status 0
  [ "$(requests '.status == 200')" -gt 50 ]
}

@test "a wrong secret is refused" {
  start_fake
  AWS_SECRET_ACCESS_KEY=wrong TEST_S3_ENDPOINT=$S3 run unit-archive -tc="conformance: the S3*"
  assert_status 1
  assert_output "HTTP 403"
}

@test "the conformance suite holds for Swift's s3api" {
  start_swift
  # Swift looks whether a key is taken when the upload begins; of two that begin at once both may win.
  TEST_S3_ENDPOINT=$S3 TEST_S3_LACKS=condition run unit-archive -tc="conformance: the S3*"
  assert_status 0
}

@test "Swift refuses a wrong secret, and takes a recording there and back" {
  start_swift
  random_file a.mp4 12000000
  AWS_SECRET_ACCESS_KEY=wrong run stream-archive put a.mp4 --to s3://test/pre
  assert_status 11
  assert_output SignatureDoesNotMatch
  stream-archive put a.mp4 --to s3://test/pre --stream demo --part-size 5MiB --delete-after verified
  [ ! -e a.mp4 ]
  curl -sf "$(stream-archive presign a --store s3://test/pre | tail -n 1)" | sha256sum >presigned
  stream-archive get a --store s3://test/pre -o back
  random_file a.mp4 12000000
  cmp a.mp4 back/a.mp4
  assert_equal "$(cat presigned)" "$(sha256sum <a.mp4)"
  run stream-archive put a.mp4 --to s3://test/pre --stream demo --json
  assert_status 0
  assert_output '"was_there":true'
  stream-archive delete a --store s3://test/pre --confirm a >receipt.json
  assert_json receipt.json '.files[0].size_bytes == 12000000'
  run stream-archive list --store s3://test/pre --refresh --no-header
  assert_equal "$output" ""
}
