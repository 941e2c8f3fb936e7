#!/usr/bin/env python3
"""kill_everywhere.py DIR COMMAND -- CHECK: kills COMMAND at each of its system calls from the first that
names DIR, always from a fresh copy of DIR (the copy's path replaces {} in both commands), and runs CHECK
after each kill. CHECK must succeed and print one of the lines that it prints before and after an
undisturbed run. Exit code 77: strace can't trace here.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

source, rest = sys.argv[1], sys.argv[2:]
split = rest.index("--")
command, check = rest[:split], rest[split + 1:]
scratch = tempfile.mkdtemp(dir=os.environ.get("T"))


def copy(name):
    return shutil.copytree(source, os.path.join(scratch, name))


def run(words, path, prefix=()):
    words = [word.replace("{}", path) for word in words]
    return subprocess.run([*prefix, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def outcome(path):
    done = run(check, path)
    return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip()}"


place = copy("trace")
before = outcome(place)
log = os.path.join(scratch, "strace.log")
traced = run(command, place, ["strace", "-f", "-qq", "-o", log])
if traced.returncode != 0:
    print(traced.stderr)
    sys.exit(77 if "ptrace" in traced.stderr else 1)
after = outcome(place)

counts, points, armed = collections.Counter(), [], False
with open(log) as lines:
    for line in lines:
        call = re.match(r"\d+ +(\w+)\(", line)
        if not call:
            continue
        counts[call[1]] += 1
        armed = armed or place in line
        if armed and call[1] != "exit_group":
            points.append((call[1], counts[call[1]]))


def kill_at(point):
    name, number = point
    path = copy(f"{name}-{number}")
    run(command, path, ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}",
                        "-e", f"inject={name}:signal=KILL:when={number}"])
    result = outcome(path)
    shutil.rmtree(path)
    return None if result in (before, after) else f"killed at {name} number {number}: {result}"


with ThreadPoolExecutor(2) as pool:
    bad = [problem for problem in pool.map(kill_at, points) if problem]
shutil.rmtree(scratch)
print("\n".join(bad) or f"{len(points)} kills")
sys.exit(1 if bad or before == after or len(points) < 10 else 0)
