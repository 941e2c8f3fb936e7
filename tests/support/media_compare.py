#!/usr/bin/env python3
"""media_compare.py A B: whether B carries the media of A, packet for packet or picture for picture.

Compares per kind of stream (first video, first audio): the payloads in order and their times relative to the
first one. --decode compares decoded pictures and sound instead of packets, for files that frame the
same codec differently. --subset allows B to lack packets at both ends (a reader that joined late).
Prints JSON with counts, missing, extra, max_shift_ms; exit 1 when anything differs by more than --max-ms.
"""

import argparse
import json
import sys

import media_probe


def hashes(path, stream, decode):
    """[(pts seconds, payload hash)]"""
    copy = [] if decode else ["-c", "copy"]
    done = media_probe.run(["ffmpeg", "-nostdin", "-v", "error", "-copyts", *media_probe.input_args(path), "-map",
                            f"0:{stream}?", *copy, "-f", "framemd5", "-"])
    base, found = 1.0, []
    for line in done.stdout.splitlines():
        if line.startswith("#tb"):
            top, bottom = line.split(":")[1].split("/")
            base = int(top) / int(bottom)
        elif line and not line.startswith("#"):
            fields = [field.strip() for field in line.split(",")]
            found.append((int(fields[2]) * base, fields[5]))
    return found


def compare(one, two, subset):
    if subset and two:
        wanted = two[0][1]
        at = next((i for i, (_, md5) in enumerate(one) if md5 == wanted), None)
        if at is None:
            return {"first": len(one), "second": len(two), "missing": len(one), "extra": len(two), "max_shift_ms": None}
        one = one[at:at + len(two)]
    sums_one, sums_two = [md5 for _, md5 in one], [md5 for _, md5 in two]
    missing = len(set(sums_one) - set(sums_two))
    extra = len(set(sums_two) - set(sums_one))
    order = sums_one == sums_two
    shift = None
    if order and one:
        shift = max(abs((b - two[0][0]) - (a - one[0][0])) for (a, _), (b, _) in zip(one, two)) * 1000
    return {"first": len(one), "second": len(two), "missing": missing, "extra": extra, "same_order": order,
            "max_shift_ms": shift and round(shift, 3) or 0.0}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--decode", action="store_true")
    parser.add_argument("--subset", action="store_true")
    parser.add_argument("--streams", default="v,a")
    parser.add_argument("--max-ms", type=float, default=1.0)
    args = parser.parse_args()
    result, good = {}, True
    for kind in args.streams.split(","):
        found = compare(hashes(args.first, f"{kind}:0", args.decode), hashes(args.second, f"{kind}:0", args.decode),
                        args.subset)
        result[kind] = found
        good &= bool(found.get("same_order")) and found["max_shift_ms"] <= args.max_ms
    print(json.dumps(result))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
