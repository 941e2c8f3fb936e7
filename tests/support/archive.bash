# For the tests of stream-archive; load it after common.
#
#   start_fake          the scripted S3 server (s3_fake.py); $S3 is its address, $LOG what it was asked
#   start_swift         a real S3 server that verifies signatures: Swift's s3api (s3_swift.py)
#   faults JSON         what it is to do wrong from now on
#   objects [FILTER]    what it holds, by jq
#   requests FILTER     how many requests it has had that pass the jq filter

start_fake() {
  local port
  port=$(free_port)
  LOG=$T/s3.log
  start s3 s3_fake.py "$port" "$LOG"
  S3=http://127.0.0.1:$port
  export S3 LOG AWS_ACCESS_KEY_ID=fake AWS_SECRET_ACCESS_KEY=fake-secret AWS_ENDPOINT_URL=$S3
  wait_for 10 port_open "$port"
}

start_swift() {
  local port
  port=$(free_port)
  start s3 s3_swift.py "$port" "$T/swift"
  S3=http://127.0.0.1:$port
  export S3 AWS_ACCESS_KEY_ID=test:fake AWS_SECRET_ACCESS_KEY=fake-secret AWS_ENDPOINT_URL=$S3
  wait_for 60 port_open "$port"
}

faults() { curl -sf "$S3/_faults" -d "$1" >/dev/null; }

objects() { curl -sf "$S3/_objects" | jq -r "${1:-keys[]}"; }

requests() { jq -s "map(select($1)) | length" "$LOG"; }

# random_file NAME SIZE: the same bytes for the same name.
random_file() {
  openssl enc -aes-128-ctr -pass "pass:$1" -nosalt -in /dev/zero 2>/dev/null | head -c "$2" >"$1"
}

# manifest NAME STREAM FILE...: a finished recording of those files, at rec/NAME.json.
manifest() {
  local name=$1 stream=$2 file files=
  shift 2
  for file in "$@"; do
    files+="${files:+,}{\"path\":\"$file\",\"started_at\":\"2026-11-20T10:00:00.000Z\",
      \"ended_at\":\"2026-11-20T11:00:00.000Z\",\"duration_seconds\":3600,\"size_bytes\":$(stat -c %s "rec/$file"),
      \"discontinuities\":0,\"complete\":true,\"reason\":null,\"tracks\":[]}"
  done
  cat >"rec/$name.json" <<END
{"schema":"stream.recording/1","recording":"$name","stream":"$stream","input":"bus:$stream","state":"finished",
 "complete":true,"reason":"stopped","started_at":"2026-11-20T10:00:00.000Z","ended_at":"2026-11-20T11:00:00.000Z",
 "duration_seconds":3600,"size_bytes":1,"lost_seconds":0,"dropped_packets":0,"files":[$files]}
END
}
