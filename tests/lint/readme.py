#!/usr/bin/env python3
"""README.md is true: its commands name programs, flags and files that exist; it lists every program."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tree

binaries = os.environ.get("TOOLS_BIN", os.path.join(tree.ROOT, "build/release/bin"))
problems = []
text = tree.read("README.md") if os.path.exists(os.path.join(tree.ROOT, "README.md")) else ""
if not text:
    problems.append("README.md: is not there")


def help_of(program):
    try:
        return subprocess.run([os.path.join(binaries, program), "--help"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20, check=False).stdout
    except OSError:
        return None


programs = {f"stream-{name}" for name in os.listdir(os.path.join(tree.ROOT, "tools"))
            if os.path.exists(os.path.join(tree.ROOT, "tools", name, "main.cpp"))}
for program in sorted(programs):
    if f"`{program}`" not in text:
        problems.append(f"README.md: does not list {program}")
for program in sorted(set(re.findall(r"`(stream-[a-z]+)`", text)) - programs):
    problems.append(f"README.md: {program} does not exist")

for block in re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.M | re.S):
    for command in re.split(r"[|;&\n]", block.replace("\\\n", " ")):
        words = command.split()
        for word in words:
            if re.match(r"(\./)?(examples|tests|\.ci)/", word) and not os.path.exists(os.path.join(tree.ROOT, word)):
                problems.append(f"README.md: {word} does not exist")
        while words and not words[0].startswith("stream-"):
            words.pop(0)
        if words and words[0] in programs:
            shown = help_of(words[0])
            for word in words[1:]:
                flag = word.split("=")[0]
                if flag.startswith("--") and shown is not None and flag not in shown:
                    problems.append(f"README.md: {words[0]} has no {flag}")
tree.finish(problems)
