#!/usr/bin/env bash
# pattern_to_hls.sh [OUT]: ten seconds of the test picture become an HLS rendition, through one pipe.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
out=${1:-out/pattern}

stream-ingest --test-pattern --duration 10s -o - |
  stream-ladder -i - -o "$out" --rung 360p@800k --dvr all
ffprobe -v error -show_entries format=duration "$out/master.m3u8"
