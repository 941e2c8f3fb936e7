#!/usr/bin/env bash
# record_file.sh FILE [OUT]: a media file, as if it were live, into a recording; nothing is re-encoded.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
file=${1:?usage: record_file.sh FILE [OUT]}
out=${2:-out/rec/}

stream-ingest --pull "$file" -o - | stream-record -i - -o "$out"
