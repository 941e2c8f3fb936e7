"""Reads ISO base media files for the checks: boxes, tracks of a moov, samples of each fragment.

Raises Malformed for anything a strict reader must refuse. Written apart from lib/mp4 on purpose, so
that the two don't share a mistake.
"""

import struct
from dataclasses import dataclass, field

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts", b"dinf"}


class Malformed(Exception):
    pass


@dataclass
class Box:
    kind: bytes
    start: int  # of the box
    body: int  # of what follows its header
    end: int
    children: list = field(default_factory=list)

    def all(self, *path):
        found = [self]
        for kind in path:
            found = [c for b in found for c in b.children if c.kind == kind]
        return found

    def one(self, *path):
        found = self.all(*path)
        if len(found) != 1:
            raise Malformed(f"{len(found)} boxes {b'/'.join(path)} in {self.kind}, not one")
        return found[0]


@dataclass
class Track:
    id: int
    kind: str  # vide, soun
    timescale: int
    format: bytes  # sample entry, avc1
    width: int
    height: int
    config: bytes  # body of avcC, hvcC, esds ...
    edit: tuple  # (empty edit in movie time, media time) of the edit list
    duration: int = 0  # defaults of trex
    size: int = 0
    flags: int = 0
    samples: list = field(default_factory=list)  # of the moov's own tables


@dataclass
class Sample:
    dts: int
    duration: int
    offset: int
    size: int
    sync: bool
    cts: int


def boxes(data, start=0, end=None):
    end = len(data) if end is None else end
    found = []
    while start < end:
        if end - start < 8:
            raise Malformed(f"{end - start} stray bytes at {start}")
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            if end - start < 16:
                raise Malformed(f"large {kind} at {start} is cut")
            size, body = struct.unpack_from(">Q", data, start + 8)[0], start + 16
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            raise Malformed(f"{kind} at {start} says {size} bytes, {end - start} are left")
        box = Box(kind, start, body, start + size)
        if kind in CONTAINERS:
            box.children = boxes(data, body, box.end)
        found.append(box)
        start += size
    return found


def root(data):
    return Box(b"file", 0, 0, len(data), boxes(data))


def u32(data, at):
    return struct.unpack_from(">I", data, at)[0]


def full(data, box):
    """Version, flags and the position after them."""
    word = u32(data, box.body)
    return word >> 24, word & 0xFFFFFF, box.body + 4


def sample_entry(data, trak):
    stsd = trak.one(b"mdia", b"minf", b"stbl", b"stsd")
    entries = boxes(data, stsd.body + 8, stsd.end)
    if not entries:
        raise Malformed("stsd without an entry")
    return entries[-1]


def track(data, trak):
    version, _, at = full(data, trak.one(b"tkhd"))
    number = u32(data, at + (16 if version else 8))
    version, _, at = full(data, trak.one(b"mdia", b"mdhd"))
    timescale = u32(data, at + (16 if version else 8))
    hdlr = trak.one(b"mdia", b"hdlr")
    kind = data[hdlr.body + 8:hdlr.body + 12].decode()
    entry = sample_entry(data, trak)
    width = height = 0
    skip = 28
    if kind == "vide":
        width, height = struct.unpack_from(">HH", data, entry.body + 24)
        skip = 78
    config = b""
    for box in boxes(data, entry.body + skip, entry.end):
        if box.kind in (b"avcC", b"hvcC", b"av1C", b"vpcC", b"esds", b"dOps", b"dfLa", b"dac3", b"dec3"):
            config = data[box.body:box.end]
    return Track(number, kind, timescale, entry.kind, width, height, config, edit_list(data, trak))


def edit_list(data, trak):
    empty = media = 0
    for box in trak.all(b"edts", b"elst"):
        version, _, at = full(data, box)
        for i in range(u32(data, at)):
            duration, time = struct.unpack_from(">Qq" if version else ">Ii", data, at + 4 + i * (20 if version else 12))
            if time == -1:
                empty += duration
            else:
                media = time
                break
    return empty, media


def tracks(data, file):
    moov = file.one(b"moov")
    found = {}
    for trak in moov.all(b"trak"):
        made = track(data, trak)
        made.samples = table_samples(data, trak.one(b"mdia", b"minf", b"stbl"))
        found[made.id] = made
    for trex in moov.all(b"mvex", b"trex"):
        _, _, at = full(data, trex)
        number, _, duration, size, flags = struct.unpack_from(">5I", data, at)
        if number not in found:
            raise Malformed(f"trex of the unknown track {number}")
        found[number].duration, found[number].size, found[number].flags = duration, size, flags
    return found


def table(data, stbl, kind, form):
    rows = []
    for box in stbl.all(kind):
        _, _, at = full(data, box)
        count, step = u32(data, at), struct.calcsize(form)
        if at + 4 + count * step > box.end:
            raise Malformed(f"{kind} says {count} rows")
        rows = [struct.unpack_from(form, data, at + 4 + i * step) for i in range(count)]
    return rows


def table_samples(data, stbl):
    """Samples of an ordinary file's tables (stts, ctts, stsc, stsz, stco/co64, stss)."""
    _, _, at = full(data, stbl.one(b"stsz"))
    size, count = struct.unpack_from(">II", data, at)
    sizes = [size] * count if size else [u32(data, at + 8 + 4 * i) for i in range(count)]
    durations = [d for n, d in table(data, stbl, b"stts", ">II") for _ in range(n)]
    shifts = [s for n, s in table(data, stbl, b"ctts", ">Ii") for _ in range(n)] or [0] * count
    chunks = [o for (o,) in table(data, stbl, b"stco", ">I") + table(data, stbl, b"co64", ">Q")]
    runs = table(data, stbl, b"stsc", ">III")
    sync = {n for (n,) in table(data, stbl, b"stss", ">I")} if stbl.all(b"stss") else None
    if len(durations) != count or len(shifts) != count:
        raise Malformed(f"tables disagree: {count} sizes, {len(durations)} durations, {len(shifts)} offsets")
    samples, dts = [], 0
    for i, (first, per, _) in enumerate(runs):
        last = runs[i + 1][0] if i + 1 < len(runs) else len(chunks) + 1
        for chunk in range(first, last):
            offset = chunks[chunk - 1]
            for _ in range(per):
                n = len(samples)
                samples.append(Sample(dts, durations[n], offset, sizes[n], sync is None or n + 1 in sync, shifts[n]))
                offset += sizes[n]
                dts += durations[n]
    if len(samples) != count:
        raise Malformed(f"chunks hold {len(samples)} samples, {count} have a size")
    return samples


def fragments(data, file, known):
    """[{track id: [Sample]}] of each moof; checks that the samples lie in the mdat behind it."""
    found = []
    for moof in file.all(b"moof"):
        mdats = [b for b in file.children if b.kind == b"mdat" and b.start >= moof.end]
        if not mdats:
            raise Malformed(f"moof at {moof.start} has no mdat behind it")
        runs = {}
        for traf in moof.all(b"traf"):
            for number, samples in traf_samples(data, moof, traf, known).items():
                runs.setdefault(number, []).extend(samples)
        for samples in runs.values():
            for sample in samples:
                if not mdats[0].body <= sample.offset <= sample.offset + sample.size <= mdats[0].end:
                    raise Malformed(f"a sample at {sample.offset} lies outside the mdat at {mdats[0].start}")
        found.append(runs)
    return found


def traf_samples(data, moof, traf, known):
    _, flags, at = full(data, traf.one(b"tfhd"))
    number = u32(data, at)
    if number not in known:
        raise Malformed(f"fragment of the unknown track {number}")
    trex = known[number]
    at += 4
    base = moof.start
    if flags & 0x1:
        base, at = struct.unpack_from(">Q", data, at)[0], at + 8
    at += 4 if flags & 0x2 else 0
    defaults = [trex.duration, trex.size, trex.flags]
    for i, bit in enumerate((0x8, 0x10, 0x20)):
        if flags & bit:
            defaults[i], at = u32(data, at), at + 4
    version, _, at = full(data, traf.one(b"tfdt"))
    dts = struct.unpack_from(">Q" if version else ">I", data, at)[0]
    samples, offset = [], base
    for trun in traf.all(b"trun"):
        version, flags, at = full(data, trun)
        count, at = u32(data, at), at + 4
        if flags & 0x1:
            offset, at = base + struct.unpack_from(">i", data, at)[0], at + 4
        first = None
        if flags & 0x4:
            first, at = u32(data, at), at + 4
        fields = [bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800)]
        if at + count * 4 * sum(fields) > trun.end:
            raise Malformed(f"trun at {trun.start} says {count} samples")
        for i in range(count):
            values = [defaults[0], defaults[1], first if i == 0 and first is not None else defaults[2], 0]
            for n, present in enumerate(fields):
                if present:
                    values[n], at = struct.unpack_from(">i" if n == 3 and version else ">I", data, at)[0], at + 4
            samples.append(Sample(dts, values[0], offset, values[1], not values[2] & 0x10000, values[3]))
            dts += values[0]
            offset += values[1]
    return {number: samples}
