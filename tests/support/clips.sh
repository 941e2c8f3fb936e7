#!/usr/bin/env bash
# clips.sh NAME: makes a test clip once, in TEST_CLIPS, and prints its path. Safe in parallel.
#   flash_10s     640x360 30 fps H.264 GOP 1 s with B-frames + AAC 48 kHz stereo, 10 s, MP4: a white
#                 flash for two frames and a beep for 40 ms at the start of every second; moving bars and
#                 a frame counter between them
#   flash_4s      the same, 4 s
#   flash_720p    1280x720, 10 s
#   flash_1080p   1920x1080, 10 s
#   flash_flv     flash_10s in FLV        flash_ts   flash_10s in MPEG-TS
#   gop10_30s     320x180, a keyframe each 10 s only, 30 s, MP4
#   video_only    flash_4s without sound   audio_only  its sound alone (M4A)
#   ntsc_4s       640x360 at 30000/1001 fps, 4 s
#   interlaced    640x360, 25 pictures of two fields per second, everything moves, 4 s, no sound
set -euo pipefail

name=${1:?name of a clip}
# A changed recipe makes new clips.
cache=${TEST_CLIPS:?directory of the clips}/$(sha1sum "$0" | cut -c1-8)
mkdir -p "$cache"

# encode SIZE RATE SECONDS GOP OUT: flashes and beeps at whole seconds. The flash is white for the two
# frames from the second on; the beep is a 1 kHz tone of 40 ms.
encode() {
  local size=$1 rate=$2 seconds=$3 gop=$4 out=$5
  ffmpeg -nostdin -v error -y \
    -f lavfi -i "testsrc2=s=$size:r=$rate:d=$seconds" \
    -f lavfi -i "aevalsrc='if(lt(mod(t,1),0.04),0.5*sin(2*PI*1000*t),0)|if(lt(mod(t,1),0.04),0.5*sin(2*PI*1000*t),0)':s=48000:d=$seconds" \
    -vf "lutyuv=y=val*0.5:enable='1',drawbox=w=iw:h=ih:t=fill:color=white:enable='lt(mod(t+0.001,1),0.06)',format=yuv420p" \
    -c:v libx264 -preset veryfast -bf 2 -b:v 800k -maxrate 800k -bufsize 800k -g "$gop" \
    -keyint_min "$gop" -sc_threshold 0 -threads 2 -c:a aac -b:a 96k -t "$seconds" "$out"
}

file() {
  case $1 in
    flash_flv) echo flash.flv ;;
    flash_ts) echo flash.ts ;;
    audio_only) echo audio_only.m4a ;;
    *) echo "$1.mp4" ;;
  esac
}

make() {
  case $1 in
    flash_10s) encode 640x360 30 10 30 "$2" ;;
    flash_4s) encode 640x360 30 4 30 "$2" ;;
    flash_720p) encode 1280x720 30 10 30 "$2" ;;
    flash_1080p) encode 1920x1080 30 10 30 "$2" ;;
    gop10_30s) encode 320x180 30 30 300 "$2" ;;
    ntsc_4s) encode 640x360 30000/1001 4 30 "$2" ;;
    flash_flv | flash_ts) ffmpeg -nostdin -v error -y -i "$("$0" flash_10s)" -c copy "$2" ;;
    interlaced)
      ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=size=1280x720:rate=50:duration=4 \
        -vf "crop=640:360:x=mod(n*3\,600):y=100,tinterlace=interleave_top,fieldorder=tff" -pix_fmt yuv420p \
        -c:v libx264 -preset veryfast -flags +ilme+ildct -g 25 "$2"
      ;;
    video_only) ffmpeg -nostdin -v error -y -i "$("$0" flash_4s)" -an -c copy "$2" ;;
    audio_only) ffmpeg -nostdin -v error -y -i "$("$0" flash_4s)" -vn -c copy "$2" ;;
    *)
      echo "clips.sh: no clip \"$1\"; see the head of this script" >&2
      exit 2
      ;;
  esac
}

target="$cache/$(file "$name")"
if [ ! -s "$target" ]; then
  exec 8>"$cache/.$name.lock"
  flock 8
  if [ ! -s "$target" ]; then
    partial="$cache/.partial.$(file "$name")"
    make "$name" "$partial" 8>&-
    mv "$partial" "$target"
  fi
fi
echo "$target"
