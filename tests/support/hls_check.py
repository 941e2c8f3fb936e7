#!/usr/bin/env python3
"""hls_check.py MASTER|PLAYLIST: judges HLS output on disk by RFC 8216bis and Apple's authoring rules.

Reads every playlist and every segment: target duration, sequence numbers, dates, files there, init segments,
decode times without a hole, a keyframe first, renditions aligned to the tick, CODECS, RESOLUTION, FRAME-RATE and
bit rates true. Prints one JSON object (renditions with figures, problems) and exits with 1 when there are
problems. --decode also decodes every rendition; --ended demands ENDLIST; --expect-duration S (+-0.1 s).
--loaded allows for a machine that was too slow: pictures left out, and segments that are gaps.
"""

import argparse
import json
import os
import sys

import hls_segments
import m3u8
import media_probe
import mp4boxes


class Check:
    def __init__(self):
        self.problems = []
        self.renditions = []

    def say(self, where, what):
        self.problems.append(f"{where}: {what}")

    def load(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                return m3u8.parse(file.read())
        except (OSError, UnicodeDecodeError, m3u8.Malformed, KeyError, ValueError) as error:
            self.say(path, error)
            return None


def check_master(check, path, args):
    master = check.load(path)
    if master is None:
        return
    folder = os.path.dirname(path)
    groups, loaded = {}, []
    for attributes in master.media:
        name = f"{path} {attributes.get('GROUP-ID')}"
        for need in ("TYPE", "GROUP-ID", "NAME"):
            if need not in attributes:
                check.say(name, f"EXT-X-MEDIA without {need}")
        if "URI" in attributes:
            rendition = check_media(check, os.path.join(folder, attributes["URI"]), args)
            if rendition:
                loaded.append(rendition)
                groups.setdefault(attributes["GROUP-ID"], []).append(rendition)
    uris = [variant["URI"] for variant in master.variants]
    if len(set(uris)) != len(uris):
        check.say(path, "a variant stands twice")
    for variant in master.variants:
        rendition = check_media(check, os.path.join(folder, variant["URI"]), args)
        if rendition is None:
            continue
        loaded.append(rendition)
        if "AUDIO" in variant and variant["AUDIO"] not in groups:
            check.say(path, f"{variant['URI']}: no audio group {variant['AUDIO']}")
        check_variant(check, path, variant, rendition, groups.get(variant.get("AUDIO"), []), args)
    if not master.variants:
        check.say(path, "no variants")
    check_aligned(check, loaded)


def check_variant(check, path, variant, rendition, audio, args):
    where = f"{path} {variant['URI']}"
    for need in ("BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS"):
        if need not in variant:
            check.say(where, f"no {need}")
    parts = [rendition] + audio
    peak, average = (sum(part[key] for part in parts) for key in ("peak", "average"))
    rendition["declared_peak"] = int(variant.get("BANDWIDTH", 0))
    rendition["declared_average"] = int(variant.get("AVERAGE-BANDWIDTH", 0))
    # Live bounds of the authoring rules: 25 % for the peak, 10 % for the average.
    if peak > 1.25 * rendition["declared_peak"]:
        check.say(where, f"peak {peak} bit/s, BANDWIDTH says {variant.get('BANDWIDTH')}")
    if average > 1.1 * rendition["declared_average"]:
        check.say(where, f"average {average} bit/s, AVERAGE-BANDWIDTH says {variant.get('AVERAGE-BANDWIDTH')}")
    if rendition["ended"] and peak > rendition["declared_peak"]:
        check.say(where, f"ended with peak {peak} bit/s above BANDWIDTH {variant.get('BANDWIDTH')}")
    said = set(variant.get("CODECS", "").split(","))
    real = {codec for part in parts for codec in part["codecs"]}
    if said != real and not rendition["ts"]:
        check.say(where, f"CODECS says {sorted(said)}, the media are {sorted(real)}")
    if rendition["width"]:
        size = f"{rendition['width']}x{rendition['height']}"
        if variant.get("RESOLUTION") != size:
            check.say(where, f"RESOLUTION says {variant.get('RESOLUTION')}, the picture is {size}")
        rate = float(variant.get("FRAME-RATE", 0))
        # FRAME-RATE is the highest that occurs (4.4.6.2).
        real = rendition["frame_rate"]
        if real and (real > 1.02 * rate + 0.01 or (real < 0.98 * rate and not args.loaded)):
            check.say(where, f"FRAME-RATE says {rate}, the picture has {rendition['frame_rate']:.3f}")


def check_media(check, path, args):
    playlist = check.load(path)
    if playlist is None:
        return None
    target = int(playlist.value("EXT-X-TARGETDURATION", "0") or 0)
    version = int(playlist.value("EXT-X-VERSION", "1"))
    ended = "EXT-X-ENDLIST" in playlist.tags
    kind = playlist.value("EXT-X-PLAYLIST-TYPE")
    first = int(playlist.value("EXT-X-MEDIA-SEQUENCE", "0"))
    if not target:
        check.say(path, "no EXT-X-TARGETDURATION")
    if version < (6 if any(s.map for s in playlist.segments) else 3):
        check.say(path, f"EXT-X-VERSION {version} is too low for what it uses")
    if kind == "VOD" and not ended:
        check.say(path, "PLAYLIST-TYPE VOD without ENDLIST")
    if args.ended and not ended:
        check.say(path, "no ENDLIST")
    check_segments(check, path, playlist, target, 0.1 if args.loaded else 0.003)
    rendition = {
        "uri": path, "target": target, "segments": len(playlist.segments), "sequence": first, "ended": ended,
        "type": kind, "duration": round(sum(s.duration for s in playlist.segments), 5),
        "discontinuities": sum(s.discontinuity for s in playlist.segments),
        "discontinuity_sequence": int(playlist.value("EXT-X-DISCONTINUITY-SEQUENCE", "0")),
        "gaps": sum(s.gap for s in playlist.segments),
    }
    hls_segments.measure(check, path, playlist, target, rendition)
    if rendition["gaps"] and not args.loaded:
        check.say(path, f"{rendition['gaps']} segments are gaps")
    if args.expect_duration is not None and abs(rendition["duration"] - args.expect_duration) > 0.1:
        check.say(path, f"lasts {rendition['duration']} s, not {args.expect_duration} s")
    if args.decode:
        errors = media_probe.decode_errors(path)
        if errors:
            check.say(path, f"does not decode cleanly: {errors[:300]}")
    check.renditions.append(rendition)
    return rendition


def check_segments(check, path, playlist, target, slack):
    dates = None
    for segment in playlist.segments:
        where = f"{path} {segment.uri}"
        # "rounded to the nearest integer" (4.4.3.1)
        if int(segment.duration + 0.5) > target:
            check.say(where, f"EXTINF {segment.duration} is above the target duration {target}")
        if segment.duration <= 0:
            check.say(where, f"EXTINF {segment.duration}")
        if segment.date and dates and not segment.discontinuity:
            drift = (segment.date - dates[0]).total_seconds() - dates[1]
            if abs(drift) > slack:
                check.say(where, f"PROGRAM-DATE-TIME is off by {drift:.3f} s")
        if segment.date:
            dates = (segment.date, 0.0)
        if dates:
            dates = (dates[0], dates[1] + segment.duration)
    if playlist.segments and playlist.segments[0].date is None:
        check.say(path, "the first segment has no PROGRAM-DATE-TIME")
    uris = [s.uri for s in playlist.segments]
    if len(set(uris)) != len(uris):
        check.say(path, "a segment stands twice")


def check_aligned(check, renditions):
    """Variants cut at the same instant, tick for tick; sound within one of its frames."""
    videos = [r for r in renditions if r["width"]]
    for other in renditions:
        if not videos or other is videos[0]:
            continue
        base = videos[0]
        where = f"{other['uri']} against {base['uri']}"
        if other["target"] != base["target"]:
            check.say(where, f"target duration {other['target']}, not {base['target']}")
        common = set(base["starts"]) & set(other["starts"])
        # A live window moves on while it is read; sound may end with a segment of its own, and a
        # rendition that was left out before the end lacks the last, shorter one.
        slack = 0 if base["ended"] and other["width"] and not base["gaps"] + other["gaps"] else 1
        if not common or abs(base["segments"] - other["segments"]) > slack:
            check.say(where, f"{other['segments']} segments, not {base['segments']}")
        tolerance = 0 if other["width"] else 0.05
        for msn in sorted(common):
            if abs(base["starts"][msn] - other["starts"][msn]) > tolerance:
                check.say(where, f"segment {msn} starts at {other['starts'][msn]}, not {base['starts'][msn]}")
                break
        for msn in sorted(set(base["breaks"]) ^ set(other["breaks"])):
            if msn in common:
                check.say(where, f"only one has a discontinuity at segment {msn}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("playlist")
    parser.add_argument("--decode", action="store_true")
    parser.add_argument("--ended", action="store_true")
    parser.add_argument("--loaded", action="store_true")
    parser.add_argument("--expect-duration", type=float)
    args = parser.parse_args()
    check = Check()
    top = check.load(args.playlist)
    if top is not None:
        try:
            if top.variants:
                check_master(check, args.playlist, args)
            else:
                check_media(check, args.playlist, args)
        except (mp4boxes.Malformed, m3u8.Malformed) as error:
            check.say(args.playlist, error)
    for rendition in check.renditions:
        for key in ("starts", "breaks"):
            rendition.pop(key, None)
    print(json.dumps({"renditions": check.renditions, "problems": check.problems}, default=str))
    for problem in check.problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if check.problems else 0)


if __name__ == "__main__":
    main()
