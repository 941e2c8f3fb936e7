#!/usr/bin/env bash
# ladder_ffmpeg.sh SOURCE OUT [PRESET]: the default ladder as one ffmpeg process, what stream-ladder is measured against.
set -euo pipefail
rm -rf "$2"
mkdir -p "$2"
exec ffmpeg -nostdin -v error -y -i "$1" -filter_complex \
  "[0:v]split=4[v0][v1][v2][v3];[v1]scale=1280:720[v1o];[v2]scale=854:480[v2o];[v3]scale=640:360[v3o]" \
  -map '[v0]' -map '[v1o]' -map '[v2o]' -map '[v3o]' -map 0:a -map 0:a -map 0:a -map 0:a \
  -c:v libx264 -preset "${3:-veryfast}" -g 60 -keyint_min 60 -sc_threshold 0 \
  -b:v:0 5000k -maxrate:v:0 5000k -bufsize:v:0 10000k -b:v:1 2800k -maxrate:v:1 2800k -bufsize:v:1 5600k \
  -b:v:2 1400k -maxrate:v:2 1400k -bufsize:v:2 2800k -b:v:3 800k -maxrate:v:3 800k -bufsize:v:3 1600k \
  -c:a aac -b:a 128k -f hls -hls_time 2 -hls_playlist_type event -master_pl_name master.m3u8 \
  -var_stream_map "v:0,a:0 v:1,a:1 v:2,a:2 v:3,a:3" "$2/%v/playlist.m3u8"
