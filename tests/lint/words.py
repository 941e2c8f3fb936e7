#!/usr/bin/env python3
"""Words that have no place in the tree: unfinished work, one machine's paths, package hosts.

Also: the top level holds what the README says and nothing else, and scripts say who runs them.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tree

TOP = {"CMakeLists.txt", "CMakePresets.json", "tools", "lib", "man", "completions", "examples",
       "tests", "README.md", "LICENSE"}
# Written so that this file does not find itself.
FORBIDDEN = [
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", "unfinished work"),
    (r"(^|[^\w.])/(wo" r"rk/|ho" r"me/\w|ro" r"ot/\.)", "a path of one machine"),
    (r"/tmp" r"/w/", "a path of one machine"),
    (r"registry\.np" r"mjs|deb\.deb" r"ian\.org|pypi\." r"org|\"resol" r"ved\":", "a package host"),
]

problems = []
for name in sorted(os.listdir(tree.ROOT)):
    if name not in TOP and not name.startswith(".") and name not in tree.SKIP:
        problems.append(f"{name}: does not belong on the top level")
for path in tree.files():
    text = tree.read(path)
    if text is None or path.startswith("tests/fuzz/corpus/"):
        continue
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, why in FORBIDDEN:
            if re.search(pattern, line):
                problems.append(f"{path}:{number}: {why}: {line.strip()[:80]}")
    executable = os.access(os.path.join(tree.ROOT, path), os.X_OK)
    if executable != text.startswith("#!"):
        problems.append(f"{path}: {'executable without' if executable else 'not executable but has'} a #! line")
tree.finish(problems)
