#!/usr/bin/env bash
# soak.sh HOURS|Nm [--seed N] [--period SECONDS]: one whole stream under stream-ctl up for so long (ladder,
# recording, four destinations: nginx-rtmp, our own ingest by RTMP and by SRT, ffmpeg), with a fault each minute
# that the seed chooses: a program killed or stopped for a while, the supervisor killed, a destination or the
# publisher away, the disk of the playlists or that of the recordings full (as root). Writes build/bench/soak/:
# samples.tsv, faults.tsv, soak.png with memory, descriptors, delay and sync over time. Loopback only. Exit code 1
# when a bar is missed: all is well again within 30 s of each fault, nothing grows, sound and picture stay within
# 20 ms, recordings play.
set -euo pipefail
[ $# -gt 0 ] || { sed -n 2,8p "$0" && exit 2; }
case $1 in
  *m) seconds=$((${1%m} * 60)) ;;
  *[!0-9]* | '') sed -n 2,8p "$0" && exit 2 ;;
  *) seconds=$(($1 * 3600)) ;;
esac
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
export PATH="${TOOLS_BIN:-$root/build/release/bin}:$root/tests/support:$PATH"
out=${BENCH_DIR:-$root/build/bench}/soak
mkdir -p "$out"
missed=0
python3 "$root/tests/bench/soak.py" "$out" "$seconds" "$@" || missed=1

gnuplot <<END
set terminal pngcairo size 1400,1500 noenhanced
set output "$out/soak.png"
set datafile separator "\t"
set datafile missing "-"
set multiplot layout 5,1 title "stream-tools soak, $((seconds / 60)) min, faults as vertical lines"
set key outside right top
set lmargin 10
set rmargin 36
set xrange [0:$((seconds / 60)).5]
set xlabel "minutes"
programs = "ctl ingest ladder record simulcast"
faults = "< tail -n +2 '$out/faults.tsv'"
do for [n=1:system("tail -n +2 '$out/faults.tsv' | wc -l") + 0] {
  at = system(sprintf("sed -n %dp '$out/faults.tsv' | cut -f1", n + 1)) + 0
  set arrow from first at, graph 0 to first at, graph 1 nohead lc rgb "#cccccc" back
}
s = "$out/samples.tsv"
set ylabel "memory, MiB"
plot for [i=1:5] s using 1:(column(1 + i)) with lines title word(programs, i)
set ylabel "descriptors"
plot for [i=1:5] s using 1:(column(6 + i)) with lines title word(programs, i)
set ylabel "delay, s"
set yrange [0:30]
plot s using 1:12 with lines title "age of the page", s using 1:13 with lines title "longest queue to a destination"
set autoscale y
set ylabel "sound after picture, ms"
set yrange [-40:40]
plot s using 1:14 with points pt 7 ps 0.6 title "at our own ingest", s using 1:15 with points pt 6 ps 0.6 title "on the page"
set ylabel "live destinations"
set yrange [-0.2:4.2]
plot s using 1:16 with steps title "of 4"
END
echo "$out/soak.png"
exit "$missed"
