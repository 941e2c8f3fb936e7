#!/usr/bin/env bash
# ladder_source.sh OUT.mp4: 60 s of 1080p30 H.264 at 6 Mbit/s, keyframe each 2 s, AAC, from real pictures in Debian
# packages: a pan over a photograph, pedestrians, an animated clip. Needs ffmpeg and apt's package registry.
set -euo pipefail
out=$(realpath -m "${1:?OUT.mp4}")
[ ! -s "$out" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in opencv-doc mate-backgrounds; do
  apt-get download -q "$package" >/dev/null 2>&1
  dpkg -x "${package}"_*.deb x
done
data=x/usr/share/doc/opencv-doc/examples/data
mkdir -p "$(dirname "$out")"
ffmpeg -nostdin -v error -y -loop 1 -framerate 30 -t 20 -i x/usr/share/backgrounds/mate/abstract/Elephants_3840x2160.jpg \
  -i $data/vtest.avi -i $data/Megamind.avi -f lavfi -t 60 -i "sine=f=440:r=48000,volume=0.2,aecho=0.8:0.8:60:0.4" \
  -filter_complex "
[0:v]crop=1920:1080:'(iw-1920)*(0.5+0.5*sin(t*0.4))':'(ih-1080)*(0.5+0.5*cos(t*0.3))',noise=alls=6:allf=t,format=yuv420p,setsar=1,fps=30,trim=0:20,setpts=PTS-STARTPTS[a];
[1:v]setpts=PTS/3,fps=30,trim=0:20,setpts=PTS-STARTPTS,scale=1920:1080:flags=lanczos,noise=alls=8:allf=t,format=yuv420p,setsar=1[b];
[2:v]fps=30,loop=loop=10:size=270,trim=0:20,setpts=PTS-STARTPTS,scale=1920:1080:flags=lanczos,noise=alls=5:allf=t,format=yuv420p,setsar=1[c];
[a][b][c]concat=n=3:v=1[v]" -map '[v]' -map 3:a -c:v libx264 -preset veryfast -b:v 6M -maxrate 6M -bufsize 12M -g 60 \
  -keyint_min 60 -sc_threshold 0 -c:a aac -b:a 160k -t 60 -f mp4 "$out.part"
mv "$out.part" "$out"
