#!/usr/bin/env python3
"""keys.py [BIN] [COUNT]: what a key file of 100,000 keys costs. Prints a table: list's wall time, the CPU
time that verify needs more than with one key, the peak memory of each, and whether the bars hold.
"""

import hashlib
import hmac
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

program = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build/release/bin", "stream-keys")
count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
salt = bytes(range(32))


def write(path, keys):
    lines = []
    for number, key in enumerate(keys):
        digest = hmac.new(salt, key.encode(), hashlib.sha256).hexdigest()
        lines.append(json.dumps({
            "hash": digest, "id": f"k_{number:016d}", "stream": f"stream-{number % 977}",
            "label": f"camera {number}", "created": "2026-11-20T10:00:00.000Z", "expires": None,
            "max_sessions": 1, "protocols": ["rtmp", "srt"], "from": ["192.0.2.0/24"],
            "revoked": None, "kick": False}, separators=(",", ":")))
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(json.dumps({"schema": "stream.keys/1", "salt": salt.hex()}, separators=(",", ":")))
        file.write("\n" + "\n".join(sorted(lines)) + "\n")


def run(words, text=""):
    """Wall seconds, CPU seconds, peak MiB; the best of five, as other work on the machine only adds."""
    best = None
    for _ in range(5):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        with subprocess.Popen([program, *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
            child.stdin.write(text.encode())
            child.stdin.close()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, words
        wall = time.monotonic() - start
        cpu = usage.ru_utime + usage.ru_stime
        best = min(best or (wall, cpu, 1e9), (wall, cpu, usage.ru_maxrss / 1024))
    return best


with tempfile.TemporaryDirectory() as folder:
    many, one = os.path.join(folder, "many"), os.path.join(folder, "one")
    # In a child: a process starts with its parent's peak memory.
    if (child := os.fork()) == 0:
        keys = [f"sk_{number:043d}" for number in range(count)]
        write(many, keys)
        write(one, keys[count // 2:count // 2 + 1])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    key = f"sk_{count // 2:043d}"
    verify = ["verify", "--protocol", "rtmp", "--address", "192.0.2.1", "--store"]
    listed = run(["list", "--store", many])
    as_json = run(["list", "--json", "--store", many])
    large, small = run([*verify, many], key), run([*verify, one], key)
    rows = [
        (f"list of {count} keys, wall", listed[0] * 1000, "ms", 300),
        ("the same, CPU", listed[1] * 1000, "ms", None),
        ("the same as JSON, wall", as_json[0] * 1000, "ms", None),
        ("list, peak memory", listed[2], "MiB", 64),
        ("verify, CPU beyond that with one key", max(0, large[1] - small[1]) * 1000, "ms", 1),
        ("verify, peak memory", large[2], "MiB", 64),
    ]
    missed = False
    for what, value, unit, bar in rows:
        missed = missed or (bar is not None and value > bar)
        verdict = "" if bar is None else f"bar {bar}: " + ("missed" if value > bar else "held")
        print(f"{what:42} {value:9.2f} {unit:4} {verdict}")
    sys.exit(1 if missed else 0)
