#!/usr/bin/env python3
"""Names that users meet are documented, and documented names exist.

Every error id in the source has an item in man/stream.7 and the other way round; every event that
is emitted stands in lib/control/event_list.cpp and the other way round.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tree

ERROR = re.compile(r'\bError\s*(?:\w+\s*)?\(\s*[^";]*?,\s*"([a-z]+(?:[.-][a-z]+)*)"')
FAIL = re.compile(r'\b(?:refuse|fail|bad|invalid)\w*\(\s*"([a-z]+\.[a-z-]+)"')
# In an error that is a text from the start.
TEXT = re.compile(r'"error":\{"code":\d+,"id":"([a-z]+\.[a-z-]+)"')
EMIT = re.compile(r'\bemit\(\s*"([a-z_.]+)"')
FIRST = re.compile(r'EventInfo\{\s*"([a-z_.]+)"')

problems = []
errors, events = {}, {}
for path in tree.files(".h", ".cpp"):
    if not path.startswith(("lib/", "tools/")):
        continue
    text = tree.read(path) or ""
    for name in ERROR.findall(text) + FAIL.findall(text) + TEXT.findall(text):
        errors.setdefault(name, path)
    for name in EMIT.findall(text):
        events.setdefault(name, path)

page = tree.read("man/stream.7") or ""
section = page.split(".Sh ERROR IDS", 1)[-1].split("\n.Sh ", 1)[0]
documented = set(re.findall(r"^\.It Li (\S+)", section, re.M))
for name, path in sorted(errors.items()):
    if name not in documented:
        problems.append(f"{path}: the error id {name} is not in man/stream.7")
for name in sorted(documented - set(errors)):
    problems.append(f"man/stream.7: no source has the error id {name}")

table = set(FIRST.findall(tree.read("lib/control/event_list.cpp") or ""))
for name, path in sorted(events.items()):
    if name not in table:
        problems.append(f"{path}: the event {name} is not in lib/control/event_list.cpp")
for name in sorted(table - set(events)):
    # Handed to emit() by a variable, then named as a string somewhere.
    used = any(f'"{name}"' in (tree.read(path) or "") for path in tree.files(".cpp")
               if path.startswith(("lib/", "tools/")) and not path.endswith("event_list.cpp"))
    if not used:
        problems.append(f"lib/control/event_list.cpp: nothing emits {name}")
tree.finish(problems)
