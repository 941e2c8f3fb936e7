#!/usr/bin/env python3
"""MPEG-TS as tests need it.

ts_tool.py pace FILE SECONDS     writes FILE to standard output, evenly over SECONDS
ts_tool.py late FILE SHARE       FILE without its tables (PAT, PMT) in the first SHARE (0 to 1) of it
"""

import sys
import time

PACKET = 188
CHUNK = 7 * PACKET


def packets(path):
    with open(path, "rb") as f:
        data = f.read()
    return [data[i:i + PACKET] for i in range(0, len(data) - PACKET + 1, PACKET)]


def pid(packet):
    return (packet[1] & 0x1F) << 8 | packet[2]


def pace(path, seconds):
    data = b"".join(packets(path))
    chunks = [data[i:i + CHUNK] for i in range(0, len(data), CHUNK)]
    begin = time.monotonic()
    for i, chunk in enumerate(chunks):
        wait = begin + seconds * i / len(chunks) - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def tables(all_packets):
    """PID 0 and those that the first PAT names."""
    found = {0}
    for p in all_packets:
        if pid(p) != 0:
            continue
        section = p[5 + p[4]:]
        length = (section[1] & 0x0F) << 8 | section[2]
        for at in range(8, 3 + length - 4, 4):
            found.add((section[at + 2] & 0x1F) << 8 | section[at + 3])
        return found
    return found


def late(path, share):
    everything = packets(path)
    named = tables(everything)
    first = int(len(everything) * share)
    for i, packet in enumerate(everything):
        if i >= first or pid(packet) not in named:
            sys.stdout.buffer.write(packet)


def main():
    command = sys.argv[1]
    if command == "pace":
        pace(sys.argv[2], float(sys.argv[3]))
    elif command == "late":
        late(sys.argv[2], float(sys.argv[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)
