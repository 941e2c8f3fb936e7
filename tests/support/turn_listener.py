#!/usr/bin/env python3
"""A TURN server that lets nobody in: turn_listener.py ADDRESS

Listens on a free UDP port of ADDRESS and prints it, then for each request a line of JSON: its method and the name
that it came with. An Allocate without a name is asked for one (RFC 8656 7.2), so that the peer says which it has.
"""

import json
import socket
import struct
import sys

COOKIE = 0x2112A442
METHODS = {0x0001: "binding", 0x0003: "allocate"}
USERNAME, ERROR, REALM, NONCE = 0x0006, 0x0009, 0x0014, 0x0015


def attributes(data):
    found, at = {}, 20
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        found[kind] = data[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return found


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind((sys.argv[1], 0))
print(listener.getsockname()[1], flush=True)
while True:
    data, peer = listener.recvfrom(2048)
    if len(data) < 20 or struct.unpack_from("!I", data, 4)[0] != COOKIE:
        continue
    kind = struct.unpack_from("!H", data)[0]
    name = attributes(data).get(USERNAME, b"").decode(errors="replace") or None
    print(json.dumps({"method": METHODS.get(kind, hex(kind)), "name": name}), flush=True)
    if kind == 0x0003 and name is None:
        body = attribute(ERROR, b"\0\0\4\1") + attribute(REALM, b"test") + attribute(NONCE, b"1")
        listener.sendto(struct.pack("!HHI", 0x0113, len(body), COOKIE) + data[8:20] + body, peer)
