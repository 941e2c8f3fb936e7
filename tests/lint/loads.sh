#!/usr/bin/env bash
# What a program may not load: FFmpeg's filters, 4 MiB of pages of its own in each process, are for those that encode
# pictures again; fonts for those that draw.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${TOOLS_BIN:-build/release/bin}
bad=0

# without LIBRARY PROGRAM...
without() {
  local library=$1 program
  shift
  for program in "$@"; do
    ! readelf -d "$bin/$program" | grep -q "NEEDED.*\[$library\." || {
      echo "$program loads $library: which file of its batch calls it? (lib/CMakeLists.txt)"
      bad=1
    }
  done
}

without libavfilter stream-ingest stream-record stream-serve
without libass stream-record stream-serve stream-ladder
without libavcodec stream-archive stream-ctl stream-keys
exit "$bad"
