#!/usr/bin/env bash
# served.sh HLS: stream-serve as its viewers have it, for scarce.py: demo of the tree HLS is read by one of HLS and one of
# WebRTC, then it is ended; its exit code. Whatever it refuses them is no fault, nor if it ends before.
source "${BASH_SOURCE[0]%/*}/short_run.bash"
begin service.ready stream-serve -q --hls "$1" --listen http://127.0.0.1:0 --whep --rtc-port 0
url=$(sed -n 's/.*"event":"listener.started".*"url":"\([^"]*\)".*/\1/p' events)
if [ -n "$url" ]; then
  viewers=()
  view() { timeout 5 "$@" & viewers+=($!); }
  view webrtc-load watch "${url}demo/whep" 1 1 >watched 2>&1
  view ffmpeg -nostdin -v quiet -i "${url}demo/master.m3u8" -t 1 -c copy -f null -
  view curl -s -o page "${url}" "${url}demo/"
  wait "${viewers[@]}"
fi
end
