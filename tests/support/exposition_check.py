#!/usr/bin/env python3
"""exposition_check.py FILE: whether it is Prometheus text (0.0.4) that follows the project's rules.

The grammar; HELP and TYPE before the samples of each family, which stand together; names with the
prefix stream_ and base units, _total for counters and for nothing else, _info with the value 1; no
series twice; labels of the known kinds only, whose values hold no address, URL or long word.
"""

import re
import sys

LABELS = {"stream", "program", "rendition", "destination", "input", "version"}
BAD_UNITS = ("milliseconds", "_ms", "_bps", "_bits", "kilobytes", "_mib", "_percent", "minutes", "hours")
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
MOST = 20_000

problems = []
kinds, helped, seen, family_now, done = {}, set(), set(), None, set()


def labels_of(text, where):
    inner, labels, at = text[1:-1], {}, 0
    while at < len(inner):
        match = LABEL.match(inner, at)
        if not match:
            problems.append(f"{where}: bad labels {text}")
            return labels
        if match[1] in labels:
            problems.append(f"{where}: label {match[1]} twice")
        labels[match[1]] = match[2]
        at = match.end()
    return labels


def check_family(name, kind, where):
    if not re.fullmatch(r"stream_[a-z][a-z0-9_]*", name):
        problems.append(f"{where}: {name} does not begin with stream_ or is not in lower case")
    if (kind == "counter") != name.endswith("_total"):
        problems.append(f"{where}: {name} is a {kind}")
    for unit in BAD_UNITS:
        if unit in name:
            problems.append(f"{where}: {name} is not in a base unit")


def check_sample(name, labels, value, where):
    for label, text in labels.items():
        if label not in LABELS:
            problems.append(f"{where}: the label {label} is none of {sorted(LABELS)}")
        if len(text) > 100 or "://" in text or re.search(r"\d+\.\d+\.\d+\.\d+", text):
            problems.append(f"{where}: the label value {text!r} is too much")
    number = float(value)
    if name.endswith("_info") and number != 1:
        problems.append(f"{where}: {name} is {value}")
    if kinds.get(name) == "counter" and number < 0:
        problems.append(f"{where}: the counter {name} is {value}")


data = open(sys.argv[1], encoding="utf-8").read()
if not data.endswith("\n"):
    problems.append("the last line has no end")
samples = 0
for count, line in enumerate(data.splitlines(), 1):
    if line.startswith("# HELP ") or line.startswith("# TYPE "):
        _, what, name, text = line.split(" ", 3)
        if what == "HELP":
            if name in helped:
                problems.append(f"{count}: HELP of {name} twice")
            helped.add(name)
            if family_now:
                done.add(family_now)
            family_now = name
        else:
            if name in kinds or name != family_now:
                problems.append(f"{count}: TYPE of {name} twice or away from its HELP")
            kinds[name] = text
            check_family(name, text, count)
        continue
    match = SAMPLE.match(line)
    if not match:
        problems.append(f"{count}: not a sample: {line}")
        continue
    name, text, value = match.groups()
    samples += 1
    if name != family_now or name in done or name not in kinds:
        problems.append(f"{count}: {name} stands away from its HELP and TYPE")
    if (name, text) in seen:
        problems.append(f"{count}: {name}{text or ''} twice")
    seen.add((name, text))
    check_sample(name, labels_of(text, count) if text else {}, value, count)
if samples > MOST + 1:
    problems.append(f"{samples} samples")
for name in kinds.keys() ^ helped:
    problems.append(f"{name} lacks HELP or TYPE")
print("\n".join(problems) or f"{samples} samples of {len(kinds)} families")
sys.exit(1 if problems else 0)
