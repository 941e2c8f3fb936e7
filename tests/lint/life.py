#!/usr/bin/env python3
"""The life of a stream in stream(7) is the table in lib/manifest/stream.cpp, row for row."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tree

CAUSES = {"its programs are ready": "Opened", "media comes": "MediaBegan", "no media any more": "MediaEnded",
          "an end is asked for": "EndAsked", "all programs have ended": "AllEnded", "a failure": "Failed",
          "it is applied anew": "Reset"}

problems = []
code = tree.read("lib/manifest/stream.cpp")
in_code = {(a.lower(), cause, b.lower())
           for a, cause, b in re.findall(r"\{Life::k(\w+), Cause::k(\w+), Life::k(\w+)\}", code)}
header = tree.read("lib/manifest/stream.h")
causes = set(re.findall(r"Cause::k(\w+)", header))
if causes != set(CAUSES.values()):
    problems.append(f"lib/manifest/stream.h: the causes are {sorted(causes)}; {__file__} knows others")
page = tree.read("man/stream.7").split(".Sh LIFE OF A STREAM", 1)[1].split("\n.El", 1)[0]
rows = re.findall(r"^\.It ([a-z, ]+) Ta (.+) Ta (\w+)$", page, re.M)
in_page = []
for states, cause, to in rows:
    if cause not in CAUSES:
        problems.append(f"man/stream.7: the cause '{cause}' is none of the code")
        continue
    in_page += [(state, CAUSES[cause], to) for state in states.split(", ")]
for row in sorted(in_code - set(in_page)):
    problems.append(f"man/stream.7: the life of a stream lacks {row}")
for row in sorted(set(in_page) - in_code):
    problems.append(f"man/stream.7: {row} is not in lib/manifest/stream.cpp")
if len(in_page) != len(set(in_page)) or len(in_code) < 10:
    problems.append("man/stream.7: a row of the life of a stream stands twice, or none was found")
tree.finish(problems)
