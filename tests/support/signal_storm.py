#!/usr/bin/env python3
"""signal_storm.py SECONDS SIGNALS PID...: sends each process one of the signals (HUP,CHLD,...), chosen by chance,
every millisecond for so long; to those that are gone no more. Prints how many it sent.
"""

import os
import random
import signal
import sys
import time

numbers = [getattr(signal, "SIG" + name) for name in sys.argv[2].split(",")]
pids = [int(pid) for pid in sys.argv[3:]]
sent, chance, end = 0, random.Random(6), time.monotonic() + float(sys.argv[1])
while pids and time.monotonic() < end:
    for pid in list(pids):
        try:
            os.kill(pid, chance.choice(numbers))
            sent += 1
        except ProcessLookupError:
            pids.remove(pid)
    time.sleep(0.001)
print(sent)
