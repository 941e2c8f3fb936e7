#!/usr/bin/env python3
"""A source file over 400 lines says in its first lines why it is long ("Long because ...")."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tree

problems = []
for path in tree.files(".h", ".cpp", ".py", ".sh", ".bash", ".bats", ".mjs", ".js"):
    lines = (tree.read(path) or "").splitlines()
    if len(lines) > 400 and "long because" not in "\n".join(lines[:15]).lower():
        problems.append(f"{path}: {len(lines)} lines; split it, or say in its first lines why not")
tree.finish(problems)
