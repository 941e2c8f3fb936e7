#!/usr/bin/env python3
"""seen_in_proc.py FILE SECONDS: looks for the secret in FILE in the command lines and environments of all
processes, over and over; prints where it was and at the end how often it looked.
"""

import glob
import sys
import time

with open(sys.argv[1], "rb") as file:
    secret = file.read().strip()
end, looks = time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < end:
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if secret in file.read():
                    print("found in", path)
        except OSError:
            pass
    looks += 1
print("looked", looks)
