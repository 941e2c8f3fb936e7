#!/usr/bin/env python3
"""simulcast_delay.py CONTROL_DIR DISTURBED_DIR SECONDS: what a stalled destination does to the others.

Both directories hold what rtmp_sink.py --record wrote at the same time: of a process whose destinations
are all well, and of one that has a stalled one besides. Each picture's arrival in the latter is compared
with its arrival in the former, over the last SECONDS."""
import glob
import sys


def pictures(path):
    rows = [line.split() for line in open(path) if line.startswith("video")]
    rows = [(int(size), float(at)) for _, _, size, at in rows]
    return rows[1:-1]  # the configuration; the last may be cut


def main():
    control_dir, disturbed_dir, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    controls = [pictures(path) for path in sorted(glob.glob(control_dir + "/*.times"))]
    added, lost, count = [], 0, 0
    for path in sorted(glob.glob(disturbed_dir + "/*.times")):
        rows = pictures(path)
        begin = min(rows[-1][1], controls[0][-1][1]) - seconds
        rows = [row for row in rows if begin <= row[1] < begin + seconds - 1]
        sizes = [size for size, _ in rows]
        # Where this part is in the control's: the sizes of noise don't repeat in such a row.
        fits = []
        for control in controls:
            starts = [i for i, (size, at) in enumerate(control)
                      if abs(at - rows[0][1]) < 1 and [s for s, _ in control[i:i + 10]] == sizes[:10]]
            if starts:
                fits.append(control[starts[0]:starts[0] + len(rows)])
        if not fits:
            sys.exit(f"{path}: not the same pictures as in {control_dir}")
        lost += sum(a[0] != b[0] for a, b in zip(rows, fits[0]))
        middle = [sum(f[i][1] for f in fits) / len(fits) for i in range(min(len(f) for f in fits))]
        added += [at - there for (_, at), there in zip(rows, middle)]
        count += len(rows)
    added.sort()
    at = lambda part: 1000 * added[min(len(added) - 1, int(len(added) * part))]
    print(f"{'delay added by one stalled of five to the others':44} p50 {at(.5):.2f} ms, p99 {at(.99):.2f} ms "
          f"(bar 5), worst {at(1):.1f} ms; {lost} of {count} pictures lost or changed")


main()
