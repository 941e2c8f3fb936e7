"""Reads HLS playlists for the checks, strictly: RFC 8216bis. Raises Malformed."""

import datetime
import re
from dataclasses import dataclass, field


class Malformed(Exception):
    pass


@dataclass
class Segment:
    uri: str
    duration: float
    map: str | None
    discontinuity: bool
    date: datetime.datetime | None
    gap: bool
    msn: int = 0


@dataclass
class Playlist:
    tags: dict = field(default_factory=dict)  # name -> [value]
    segments: list = field(default_factory=list)
    variants: list = field(default_factory=list)  # attributes with URI
    media: list = field(default_factory=list)  # attributes of EXT-X-MEDIA

    def value(self, name, default=None):
        values = self.tags.get(name, [default])
        if len(values) > 1:
            raise Malformed(f"{name} stands {len(values)} times")
        return values[0]


def attributes(text):
    found, at = {}, 0
    pattern = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(,|$)')
    while at < len(text):
        match = pattern.match(text, at)
        if not match:
            raise Malformed(f"attribute list is damaged at: {text[at:at + 40]}")
        if match[1] in found:
            raise Malformed(f"attribute {match[1]} stands twice")
        found[match[1]] = match[2].strip('"')
        at = match.end()
    return found


def date(text):
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}(Z|[+-]\d\d:?\d\d)", text):
        raise Malformed(f"PROGRAM-DATE-TIME without milliseconds or zone: {text}")
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{3})\d*", r"\1", text).replace("Z", "+00:00"))


def parse(text):
    lines = text.split("\n")
    if lines[0].rstrip("\r") != "#EXTM3U":
        raise Malformed("the first line is not #EXTM3U")
    if not text.endswith("\n"):
        raise Malformed("the last line does not end: cut?")
    playlist = Playlist()
    state = {"duration": None, "map": None, "discontinuity": False, "date": None, "gap": False, "variant": None}
    for line in (raw.rstrip("\r") for raw in lines[1:]):
        if line.startswith("#EXT"):
            tag(playlist, state, *(line[1:].split(":", 1) + [""])[:2])
        elif line and not line.startswith("#"):
            uri(playlist, state, line)
    if state["duration"] is not None or state["variant"] is not None:
        raise Malformed("the last tag has no URI")
    first = int(playlist.value("EXT-X-MEDIA-SEQUENCE", "0"))
    for index, segment in enumerate(playlist.segments):
        segment.msn = first + index
    return playlist


def tag(playlist, state, name, value):
    if name == "EXTINF":
        state["duration"] = float(value.split(",")[0])
    elif name == "EXT-X-MAP":
        state["map"] = attributes(value)["URI"]
    elif name == "EXT-X-DISCONTINUITY":
        state["discontinuity"] = True
    elif name == "EXT-X-PROGRAM-DATE-TIME":
        state["date"] = date(value)
    elif name == "EXT-X-GAP":
        state["gap"] = True
    elif name == "EXT-X-STREAM-INF":
        state["variant"] = attributes(value)
    elif name == "EXT-X-MEDIA":
        playlist.media.append(attributes(value))
    else:
        playlist.tags.setdefault(name, []).append(value)


def uri(playlist, state, line):
    if state["variant"] is not None:
        playlist.variants.append(state["variant"] | {"URI": line})
        state["variant"] = None
        return
    if state["duration"] is None:
        raise Malformed(f"URI without EXTINF: {line}")
    playlist.segments.append(Segment(line, state["duration"], state["map"], state["discontinuity"], state["date"],
                                     state["gap"]))
    state.update(duration=None, discontinuity=False, date=None, gap=False)
