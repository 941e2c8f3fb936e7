#!/usr/bin/env python3
"""ladder_poll.py DIR: a reader that looks every 2 ms at everything below a ladder's output until all is ended.

Every playlist must parse, grow by whole lines and list files that are there and whole (boxes end where the file ends).
Prints JSON: polls, torn, missing; exit 1 when there was any of the latter two.
"""

import glob
import json
import os
import sys
import time

import m3u8


def whole_boxes(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            return False
        size = int.from_bytes(data[at:at + 4], "big")
        if size < 8:
            return False
        at += size
    return at == len(data) and at > 0


def main():
    root, deadline = sys.argv[1], time.monotonic() + 90
    polls = torn = missing = 0
    seen, notes = set(), []
    while time.monotonic() < deadline:
        playlists = glob.glob(os.path.join(root, "*", "playlist.m3u8"))
        ended = 0
        for path in playlists:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            polls += 1
            try:
                m3u8.parse(text)
            except (m3u8.Malformed, KeyError, ValueError) as error:
                torn += 1
                notes.append(f"{path}: {error}")
            if not text.endswith("\n"):
                torn += 1
            ended += "#EXT-X-ENDLIST" in text
            for line in text.splitlines():
                file = os.path.join(os.path.dirname(path), line)
                if line and not line.startswith("#") and file not in seen:
                    seen.add(file)
                    try:
                        if not whole_boxes(file):
                            torn += 1
                            notes.append(file)
                    except FileNotFoundError:
                        missing += 1
                        notes.append(file)
        if playlists and ended == len(playlists):
            break
        time.sleep(0.002)
    print(json.dumps({"polls": polls, "torn": torn, "missing": missing, "files": len(seen)}))
    for note in notes[:10]:
        print(note, file=sys.stderr)
    sys.exit(1 if torn or missing else 0)


if __name__ == "__main__":
    main()
