#!/usr/bin/env python3
"""scarce.py [--check SCRIPT] [--ffmpeg] [--nss] LIBRARY TIMES COMMAND...: runs the command over and over, each time with another
of its calls failing: once that one alone, once all from there on. LIBRARY says which calls: that of scarce_memory.c
its allocations, that of scarce_disk.c what changes the disk. Each run has an empty directory of its own to be in;
SCRIPT (bash, $CODE is the exit code) looks at what is there afterwards. It may end with any exit code of the table in
stream(7), in words when all fail; in less than 20 s, and by no signal unless glibc itself gives up; with --ffmpeg also
when all fail in FFmpeg, which then follows null pointers of its own (av_packet_unref within av_read_frame, 5.1); with --nss
by SIGSEGV, as libnss, which libsrtp2 brings, does that while it begins, for one call as well. TIMES
0: every one of its calls. Prints what was wrong, and a line of JSON.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

CODES = {0, 1, 2, 3, 4, 6, 7, 10, 11, 12, 13, 15}
parser = argparse.ArgumentParser()
parser.add_argument("library")
parser.add_argument("times", type=int)
parser.add_argument("--check")
parser.add_argument("--ffmpeg", action="store_true")
parser.add_argument("--nss", action="store_true")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", type=int, help="fail at this one")
parser.add_argument("command", nargs=argparse.REMAINDER)
options = parser.parse_args()
work = tempfile.mkdtemp(dir=os.getcwd())


def run(settings):
    """The exit code, or 128 + the signal, or 999 for none in time; and what it said."""
    shutil.rmtree(work)
    os.mkdir(work)
    env = os.environ | {"LD_PRELOAD": options.library, "STREAM_STATE_DIR": work + "/state", "STREAM_RUNTIME_DIR": work + "/run"}
    process = subprocess.Popen(
        options.command, cwd=work, env=env | settings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        said = process.communicate(timeout=20)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        return 999, process.communicate()[1].decode(errors="replace")
    return process.returncode if process.returncode >= 0 else 128 - process.returncode, said


def checked(code):
    if not options.check:
        return ""
    env = os.environ | {"CODE": str(code), "STREAM_STATE_DIR": work + "/state", "STREAM_RUNTIME_DIR": work + "/run"}
    result = subprocess.run(["bash", "-c", options.check], cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return f"left behind: {(result.stdout + result.stderr)[-300:]}" if result.returncode else ""


def judged(code, said, alone):
    if code == 999:
        return "it hangs"
    if "Fatal glibc error" in said:
        return checked(code)
    if options.ffmpeg and not alone and code in (128 + signal.SIGSEGV, 128 + signal.SIGBUS):
        return checked(code)
    if options.nss and code == 128 + signal.SIGSEGV:
        return checked(code)
    if code not in CODES:
        return f"signal {signal.Signals(code - 128).name}" if 128 < code < 193 else f"exit code {code}"
    if re.search("terminate called|Sanitizer|runtime error:", said):
        return "it broke"
    if code != 0 and not alone and "stream-" not in said:
        return "it does not say what failed"
    return checked(code)


code, said = run({"SCARCE_COUNT": work + ".count"})
if code != 0 or checked(code):
    sys.exit(f"with nothing failing: exit code {code}: {said} {checked(code)}")
with open(work + ".count") as file:
    total = int(file.read())
os.unlink(work + ".count")
where = range(1, total + 1)
if options.only:
    where = [options.only]
elif 0 < options.times < total:
    where = sorted(random.Random(options.seed).sample(where, options.times))
codes, wrong = collections.Counter(), 0
for at in where:
    for form in ({}, {"SCARCE_FOR": "1"}):
        code, said = run({"SCARCE_AT": str(at)} | form)
        codes[code] += 1
        if fault := judged(code, said, bool(form)):
            wrong += 1
            print(f"call {at}{' alone' if form else ' and all after it'}: {fault}: {said.strip()[-300:]}", flush=True)
shutil.rmtree(work)
print(json.dumps({"calls": total, "runs": sum(codes.values()), "wrong": wrong, "codes": dict(codes)}))
sys.exit(1 if wrong else 0)
