"""The media part of hls_check.py: reads the segments of one rendition and measures them."""

import json
import os
from fractions import Fraction

import media_probe
import mp4boxes


def codec_string(track):
    """RFC 6381, for what the ladder makes."""
    if track.format in (b"avc1", b"avc3"):
        return f"{track.format.decode()}.{track.config[1:4].hex()}"
    if track.format == b"mp4a":
        # esds: find the AudioSpecificConfig (tag 5) and take its object type.
        at = track.config.find(b"\x05", 20)
        size_at = at + 1
        while track.config[size_at] & 0x80:
            size_at += 1
        return f"mp4a.40.{track.config[size_at + 1] >> 3}"
    if track.format == b"hvc1":
        c = track.config
        compat = int(f"{int.from_bytes(c[2:6], 'big'):032b}"[::-1], 2)
        constraints = c[6:12].rstrip(b"\0")
        space = ("", "A", "B", "C")[c[1] >> 6]
        tier = "H" if c[1] & 0x20 else "L"
        return ".".join([f"hvc1.{space}{c[1] & 31}.{compat:X}.{tier}{c[12]}"] + [f"{b:X}" for b in constraints])
    if track.format == b"av01":
        c = track.config
        depth = 12 if c[2] & 0x20 and c[2] & 0x40 else 10 if c[2] & 0x40 else 8
        return f"av01.{c[1] >> 5}.{c[1] & 31:02}{'H' if c[2] & 0x80 else 'M'}.{depth:02}"
    return {b"Opus": "Opus", b"fLaC": "fLaC", b"ac-3": "ac-3", b"ec-3": "ec-3"}.get(track.format, track.format.decode())


def rates(sizes, target):
    """Peak and average bit rate: 4.4.6.2, runs of 0.5 to 1.5 target durations."""
    total, seconds = sum(s for s, _ in sizes), sum(d for _, d in sizes)
    peak = 0
    for first in range(len(sizes)):
        size = duration = 0
        for bits, length in sizes[first:]:
            size, duration = size + bits, duration + length
            if duration > 1.5 * target:
                break
            if duration >= 0.5 * target:
                peak = max(peak, size / duration)
    average = total / seconds if seconds else 0
    return int(max(peak, average if not peak else 0)), int(average)


def is_idr(track, data):
    """Whether a sample holds an IDR (H.264) or IRAP (HEVC) slice; others: the flag must do."""
    if track.format not in (b"avc1", b"avc3", b"hvc1", b"hev1"):
        return True
    at = 0
    while at + 4 < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        kind = data[at + 4] & 31 if track.format.startswith(b"avc") else (data[at + 4] >> 1) & 63
        if kind == 5 if track.format.startswith(b"avc") else 16 <= kind <= 23:
            return True
        at += 4 + size
    return False


def measure(check, path, playlist, target, rendition):
    """Fills in ts, peak, average, codecs, width, height, frame_rate, frames, starts and breaks."""
    rendition.update(ts=any(s.map is None for s in playlist.segments), peak=0, average=0, codecs=[], width=0,
                     height=0, frame_rate=0, frames=0, starts={}, breaks=[])
    folder = os.path.dirname(path)
    sizes, inits, expected, seconds = [], {}, None, Fraction(0)
    for segment in playlist.segments:
        where = f"{path} {segment.uri}"
        if segment.discontinuity:
            rendition["breaks"].append(segment.msn)
        if segment.gap:
            expected = None
            continue
        file = os.path.join(folder, segment.uri)
        if not os.path.isfile(file):
            # A live window moves on while it is read.
            if rendition["ended"]:
                check.say(where, "is listed and not there")
            continue
        sizes.append((os.path.getsize(file) * 8, segment.duration))
        try:
            if segment.map is None:
                measure_ts(check, where, file, segment, rendition)
                continue
            if segment.map not in inits:
                inits[segment.map] = read_init(os.path.join(folder, segment.map))
            with open(file, "rb") as stream:
                data = stream.read()
            track, samples = read_segment(data, inits[segment.map])
            judge(check, where, data, track, samples, segment, None if segment.discontinuity else expected)
            expected = samples[-1].dts + samples[-1].duration
            rendition["starts"][segment.msn] = Fraction(samples[0].dts + samples[0].cts, track.timescale)
            rendition["frames"] += len(samples)
            seconds += Fraction(expected - samples[0].dts, track.timescale)
            rendition.update(width=track.width, height=track.height)
        except (mp4boxes.Malformed, OSError, IndexError, ValueError) as error:
            check.say(where, f"{type(error).__name__}: {error}")
    for tracks in inits.values():
        rendition["codecs"] += [codec_string(t) for t in tracks.values() if codec_string(t) not in rendition["codecs"]]
    if rendition["width"] and seconds:
        rendition["frame_rate"] = float(rendition["frames"] / seconds)
    rendition["peak"], rendition["average"] = rates(sizes, target)


def read_init(path):
    with open(path, "rb") as file:
        data = file.read()
    found = mp4boxes.tracks(data, mp4boxes.root(data))
    if any(track.samples for track in found.values()):
        raise mp4boxes.Malformed("the init segment has samples")
    return found


def read_segment(data, known):
    """The leading track (video if there is one) and its samples over all fragments of the segment."""
    file = mp4boxes.root(data)
    samples = {}
    for fragment in mp4boxes.fragments(data, file, known):
        for number, run in fragment.items():
            before = samples.setdefault(number, [])
            if before and run and before[-1].dts + before[-1].duration != run[0].dts:
                raise mp4boxes.Malformed(f"a fragment starts at {run[0].dts}, the one before ended at "
                                         f"{before[-1].dts + before[-1].duration}")
            before.extend(run)
    leading = min((n for n in samples if samples[n]), key=lambda n: known[n].kind != "vide", default=None)
    if leading is None:
        raise mp4boxes.Malformed("no samples")
    return known[leading], samples[leading]


def judge(check, where, data, track, samples, segment, expected):
    first = samples[0]
    if expected is not None and first.dts != expected:
        check.say(where, f"decode time {first.dts}, {expected} follows from the segment before")
    if not first.sync or not is_idr(track, data[first.offset:first.offset + first.size]):
        check.say(where, "does not start with a keyframe")
    seconds = sum(s.duration for s in samples) / track.timescale
    if abs(seconds - segment.duration) > max(1.01 * max(s.duration for s in samples) / track.timescale, 0.001):
        check.say(where, f"lasts {seconds:.5f} s, EXTINF says {segment.duration}")
    shown = [s.dts + s.cts for s in samples]
    if track.kind == "vide" and min(shown) != shown[0]:
        check.say(where, "a picture is shown before the keyframe")
    if len(set(shown)) != len(shown):
        check.say(where, "two samples have one presentation time")


def measure_ts(check, where, file, segment, rendition):
    done = media_probe.run(["ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json", file])
    report = json.loads(done.stdout)
    video = next((s for s in report["streams"] if s["codec_type"] == "video"), None)
    lead = video or report["streams"][0]
    packets = [p for p in report["packets"] if p["stream_index"] == lead["index"]]
    if not packets:
        check.say(where, "no packets")
        return
    if "K" not in packets[0]["flags"]:
        check.say(where, "does not start with a keyframe")
    rendition["starts"][segment.msn] = Fraction(round(float(packets[0]["pts_time"]) * 90000), 90000)
    rendition["frames"] += len(packets)
    if video:
        rendition.update(width=video["width"], height=video["height"],
                         frame_rate=len(packets) / segment.duration)
