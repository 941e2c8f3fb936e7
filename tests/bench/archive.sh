#!/usr/bin/env bash
# archive.sh [MIB]: uploads one file of MIB (512) to the same local S3 server with stream-archive, rclone and the AWS
# command line tool at equal settings (16 MiB parts, 4 at a time), three times in turn; prints the best of each, CPU
# seconds per GiB and the ratio to the faster of the others. Then lists a catalogue of 100,000 recordings.
#   bars: throughput >= 1.0 of the best other; the list in < 500 ms
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="${TOOLS_BIN:-$PWD/build/release/bin}:$PWD/tests/support:$PATH"
mib=${1:-512}
dir=$(mktemp -d)
export STREAM_STATE_DIR=$dir/state STREAM_RUNTIME_DIR=$dir/run HOME=$dir
trap 'kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
s3_fake.py "$port" "$dir/log" &
server=$!
export AWS_ACCESS_KEY_ID=fake AWS_SECRET_ACCESS_KEY=fake-secret AWS_ENDPOINT_URL=http://127.0.0.1:$port
export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
unset AWS_CA_BUNDLE AWS_PROFILE
until (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done

head -c $((mib << 20)) /dev/urandom >"$dir/file.mp4"
mkdir -p "$dir/.aws"
printf '[default]\ns3 =\n  multipart_chunksize = 16MB\n  max_concurrent_requests = 4\n  addressing_style = path\n' >"$dir/.aws/config"

ours() { stream-archive put "$dir/file.mp4" --to "s3://test/ours$1" --part-size 16MiB --parallel 4; }
rclone_() {
  rclone --config /dev/null copyto "$dir/file.mp4" ":s3,provider=Other,env_auth,endpoint='$AWS_ENDPOINT_URL':test/rclone$1" \
    --s3-chunk-size 16Mi --s3-upload-concurrency 4 --s3-no-check-bucket
}
# Debian's or any other on the path.
aws_() { "${AWS_CLI:-/usr/bin/aws}" --endpoint-url "$AWS_ENDPOINT_URL" s3 cp --quiet "$dir/file.mp4" "s3://test/aws$1"; }

declare -A best cpu
for round in 1 2 3; do
  for tool in ours rclone_ aws_; do
    TIMEFORMAT='%R %U %S'
    if ! took=$({ time $tool "$round" >"$dir/out" 2>&1; } 2>&1); then
      echo "$tool failed: $(tail -n 3 "$dir/out")" >&2
      continue
    fi
    read -r real user system <<<"$(tail -n 1 <<<"$took")"
    if [ -z "${best[$tool]:-}" ] || awk "BEGIN {exit !($real < ${best[$tool]})}"; then
      best[$tool]=$real
      cpu[$tool]=$(awk "BEGIN {print $user + $system}")
    fi
    # The server keeps objects in memory.
    curl -sf -X POST "$AWS_ENDPOINT_URL/_forget" -d 1 >/dev/null
  done
done

result=0
other=
for tool in ours rclone_ aws_; do
  [ -n "${best[$tool]:-}" ] || continue
  awk -v n="${tool%_}" -v t="${best[$tool]}" -v c="${cpu[$tool]}" -v m="$mib" \
    'BEGIN {printf "%-8s %7.1f MiB/s  %5.2f CPU s/GiB\n", n, m / t, c * 1024 / m}'
  if [ "$tool" != ours ] && { [ -z "$other" ] || awk "BEGIN {exit !(${best[$tool]} < $other)}"; }; then other=${best[$tool]}; fi
done
if [ -n "$other" ]; then
  awk -v o="${best[ours]}" -v t="$other" 'BEGIN {r = t / o; printf "ours / best other: %.2f (bar 1.0)\n", r; exit r < 1}' || result=1
fi

# 100,000 entries in the local index, which is made from the store's objects once.
python3 - "$dir/store" <<'END'
import json, os, sys
for n in range(100000):
    folder = f"{sys.argv[1]}/_catalog/s{n % 50}"
    os.makedirs(folder, exist_ok=True)
    when = f"2026-{1 + n % 12:02}-{1 + n % 28:02}T10:{n % 60:02}:00.000Z"
    with open(f"{folder}/r{n}.json", "w") as f:
        json.dump({"schema": "stream.catalog/1", "recording": f"r{n}", "stream": f"s{n % 50}", "sequence": n + 1,
                   "archived_at": when, "started_at": when, "ended_at": when, "duration_seconds": 3600.0, "size_bytes": 1000,
                   "visibility": "public", "hidden": False, "held": False, "allow": [], "owner": None,
                   "files": [{"path": f"r{n}.mp4", "key": f"s{n % 50}/recording/r{n}.mp4", "size_bytes": 1000,
                              "sha256": "0" * 64, "part_size_bytes": None, "part_sha256": [], "content_type": "video/mp4",
                              "etag": None, "verified_at": None}], "manifest": None}, f)
END
now_ms() { echo $(($(date +%s%N) / 1000000)); }
list() { stream-archive list --store "dir:$dir/store" --max-age 1d "$@" >"$dir/list"; }
began=$(now_ms)
list --refresh
echo "index of 100,000 recordings made in $(($(now_ms) - began)) ms"
for form in "" --json; do
  took=99999
  for _ in 1 2 3; do
    began=$(now_ms)
    list $form
    ended=$(($(now_ms) - began))
    [ "$ended" -lt "$took" ] && took=$ended
  done
  echo "list ${form:-as a table}: $took ms (bar 500)"
  [ "$took" -lt 500 ] || result=1
done
exit $result
