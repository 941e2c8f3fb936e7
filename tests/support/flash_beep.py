#!/usr/bin/env python3
"""flash_beep.py INPUT: when the white flashes and the beeps of a test picture are, and how far apart.

Prints JSON: flashes, beeps (seconds), offsets_ms (beep minus flash, per pair), max_abs_ms, gaps (flashes
that are not one period after the one before). --max-ms N and --min-pairs N make it a check: exit 1 when
an offset is larger or fewer pairs were found. INPUT is whatever ffmpeg opens.
"""

import argparse
import json
import sys

import media_probe


def flashes(pictures):
    """Times at which the picture turns white."""
    return [time for (_, before), (time, now) in zip([(0, 0)] + pictures, pictures) if now > 200 > before]


def beeps(frames, block=0.001, rate=48000):
    """Times at which a tone starts after at least 0.2 s of quiet, to a millisecond."""
    step = int(rate * block)
    found, loud_at = [], -1.0
    peak = max((max(map(abs, samples), default=0) for _, samples in frames), default=0)
    for start, samples in frames:
        for at in range(0, len(samples), step):
            if max(map(abs, samples[at:at + step]), default=0) > 0.3 * peak > 300:
                time = start + at / rate
                if time - loud_at > 0.2 or not found:
                    found.append(time)
                loud_at = time
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input")
    parser.add_argument("--video", default="v:0", help="ffmpeg's stream specifier")
    parser.add_argument("--audio", default="a:0")
    parser.add_argument("--audio-input", help="where the sound is, when elsewhere (an HLS audio playlist)")
    parser.add_argument("--period", type=float, default=1.0)
    parser.add_argument("--max-ms", type=float)
    parser.add_argument("--min-pairs", type=int, default=1)
    args = parser.parse_args()

    pictures = media_probe.luma(args.input, args.video)
    seen = flashes(pictures)
    heard = beeps(media_probe.sound(args.audio_input or args.input, args.audio))
    offsets = []
    for flash in seen:
        near = min(heard, key=lambda beep: abs(beep - flash), default=None)
        if near is not None and abs(near - flash) < args.period / 2:
            offsets.append(round((near - flash) * 1000, 2))
    result = {
        "frames": len(pictures),
        "flashes": [round(t, 4) for t in seen],
        "beeps": [round(t, 4) for t in heard],
        "pairs": len(offsets),
        "offsets_ms": offsets,
        "max_abs_ms": max(map(abs, offsets), default=None),
        "gaps": [round(b, 4) for a, b in zip(seen, seen[1:]) if abs(b - a - args.period) > 0.05],
    }
    print(json.dumps(result))
    if args.max_ms is not None:
        if len(offsets) < args.min_pairs or result["max_abs_ms"] > args.max_ms:
            sys.exit(1)


if __name__ == "__main__":
    main()
