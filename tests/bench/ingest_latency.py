#!/usr/bin/env python3
"""ingest_latency.py FLV URL BUS_SOCKET SECONDS: how long a picture takes from the arrival of its last byte at
stream-ingest to a reader's socket. Publishes the file in real time with a mark at the end of each picture, looks
for the marks in what the bus sends, and prints one JSON line. Marks replace bytes of the picture: ingest does
not decode."""
import json
import os
import re
import socket
import struct
import sys
import threading
import time
from urllib.parse import urlsplit

import rtmp_load

MARK = re.compile(rb"<<MARK(\d{8})>>")
sent, got = {}, {}


def read_bus(path, stop):
    while not os.path.exists(path):
        time.sleep(0.02)
    bus = socket.socket(socket.AF_UNIX)
    bus.connect(path)
    bus.settimeout(0.5)
    rest = b""
    while not stop.is_set():
        try:
            data = bus.recv(1 << 20)
        except TimeoutError:
            continue
        now = time.monotonic()
        if not data:
            return
        rest = rest[-20:] + data
        for number in MARK.findall(rest):
            got.setdefault(int(number), now)


def answered(sock, word, seen=b""):
    while word not in seen:
        seen += sock.recv(65536)


def main():
    path, url, bus, seconds = sys.argv[1], urlsplit(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    app, name = url.path.strip("/").split("/", 1)
    sock = socket.create_connection((url.hostname, url.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(b"\x03" + bytes(8) + os.urandom(1528))
    hello = b""
    while len(hello) < 3073:
        hello += sock.recv(65536)
    sock.sendall(hello[1:1537] + rtmp_load.message(1, struct.pack(">I", rtmp_load.CHUNK), chunk_stream=2))
    sock.sendall(rtmp_load.command("connect", 1, {"app": app, "tcUrl": f"rtmp://{url.netloc}/{app}"}))
    answered(sock, b"_result")
    sock.sendall(rtmp_load.command("createStream", 4, None))
    answered(sock, b"_result" + rtmp_load.amf(4))
    sock.sendall(rtmp_load.command("publish", 5, None, name, "live", stream=1))
    answered(sock, b"NetStream.Publish.Start")
    stop = threading.Event()
    reader = threading.Thread(target=read_bus, args=(bus, stop))
    reader.start()
    begin = time.monotonic()
    for number, (when, data) in enumerate(rtmp_load.media(path)):
        if when / 1000 > seconds:
            break
        wait = begin + when / 1000 - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        picture = data[0] & 63 == 6 and number > 2 and len(data) > 200
        if picture:
            data = data[:-16] + b"<<MARK%08d>>" % number
        sock.sendall(data)
        if picture:
            sent[number] = time.monotonic()
    time.sleep(0.5)
    stop.set()
    reader.join()
    # The first ones wait until the bus is there and was joined.
    took = sorted(1000 * (got[n] - sent[n]) for n in sent if n in got and sent[n] > begin + 2)
    at = lambda part: round(took[min(len(took) - 1, int(len(took) * part))], 2) if took else -1
    print(json.dumps({"pictures": len(took), "p50_ms": at(.5), "p99_ms": at(.99), "worst_ms": at(1)}))


main()
