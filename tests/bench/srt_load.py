#!/usr/bin/env python3
"""srt_load.py FILE.ts SECONDS URL...: one srt-live-transmit per URL, all fed FILE at its own rate, over and over.

Prints {"live": N} when all were fed for two seconds; ends after SECONDS. They stand for encoders: their CPU is
not measured.
"""

import json
import subprocess
import sys
import time

CHUNK = 1316


def main():
    path, seconds, urls = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    with open(path, "rb") as f:
        data = f.read()
    data = data[:len(data) // CHUNK * CHUNK]
    rate = 250_000  # bytes per second: 2 Mbit/s
    peers = [subprocess.Popen(["srt-live-transmit", "-q", "-a:no", f"-chunk:{CHUNK}", "file://con", url],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
             for url in urls]
    begin = time.monotonic()
    sent, told = 0, False
    while time.monotonic() - begin < seconds:
        due = int((time.monotonic() - begin) * rate) // CHUNK * CHUNK
        if due - sent >= CHUNK:
            n = min(due - sent, 16 * CHUNK)
            at = sent % len(data)
            piece = data[at:at + n]
            for peer in peers:
                try:
                    peer.stdin.write(piece)
                    peer.stdin.flush()
                except BrokenPipeError:
                    sys.exit("a sender has ended")
            sent += len(piece)
        if not told and time.monotonic() - begin > 2:
            told = True
            print(json.dumps({"live": len(peers)}), flush=True)
        time.sleep(0.02)
    for peer in peers:
        peer.kill()
        peer.wait()


if __name__ == "__main__":
    main()
