#!/usr/bin/env python3
"""srt_attacks.py PORT: sends what no honest SRT peer sends to a listener on 127.0.0.1, and looks that it lives.

Layout: SRT draft-sharabayko-srt-01 section 3.2.1 (handshake) and 3.2.2 (key material).
"""

import os
import random
import socket
import struct
import sys

HANDSHAKE, EXTENSION = 0x8000, 0x7FFF
HSREQ, KMREQ, KMRSP, SID = 1, 3, 4, 5
HOST = struct.unpack("<I", socket.inet_aton("127.0.0.1"))[0]


class Peer:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(0.3)
        self.id = random.randrange(1, 1 << 29)

    def control(self, kind, subtype, body, target=0):
        self.socket.send(struct.pack(">HHIII", HANDSHAKE | kind, subtype, 0, 0, target) + body)

    def handshake(self, version, extension, request, cookie, extensions=b"", encryption=0):
        body = struct.pack(">IHHIIIiII", version, encryption, extension, 1000, 1500, 8192, request, self.id, cookie)
        self.control(0, 0, body + struct.pack(">I", HOST) + bytes(12) + extensions)

    def answer(self):
        try:
            return self.socket.recv(2048)
        except (socket.timeout, ConnectionError):
            return b""

    def cookie(self):
        self.handshake(4, 2, 1, 0)  # induction
        answer = self.answer()
        return struct.unpack(">I", answer[44:48])[0] if len(answer) >= 48 else 0


def block(kind, content):
    content += bytes(-len(content) % 4)
    return struct.pack(">HH", kind, len(content) // 4) + content


def main():
    port = int(sys.argv[1])
    random.seed(1)
    hsreq = block(HSREQ, struct.pack(">IIHH", 0x010501, 0xBF, 120, 120))
    alive = Peer(port).cookie()
    assert alive, "no answer to an induction handshake"
    # Every length of an induction and of a conclusion.
    peer = Peer(port)
    cookie = peer.cookie()
    whole = struct.pack(">IHHIIIiII", 5, 0, 1, 1000, 1500, 8192, -1, peer.id, cookie) + bytes(16) + hsreq
    for n in range(len(whole)):
        peer.control(0, 0, whole[:n])
    # Version 5 without the extension field, with an empty list, and with lengths that lie.
    for flags in (0, 1, 2, 4, 7, 0xFFFF):
        for extensions in (b"", b"\0" * 4, struct.pack(">HH", HSREQ, 0xFFFF), struct.pack(">HH", SID, 0x4000) + b"x" * 64,
                           hsreq + block(SID, b"a" * 1200), hsreq + struct.pack(">HH", KMREQ, 0)):
            peer = Peer(port)
            peer.handshake(5, flags, -1, peer.cookie(), extensions)
            peer.answer()
    # Key material: too long, and of every length.
    for size in (4, 16, 100, 300, 1200):
        peer = Peer(port)
        material = block(KMREQ, bytes([0x12, 0x20, 0x29, 3]) + os.urandom(size))
        peer.handshake(5, 7, -1, peer.cookie(), hsreq + material + block(SID, b"omed"), encryption=2)
        peer.answer()
    # After a handshake that succeeds: key material by the control packet of extensions (CVE-2026-55868, -55869).
    for kind in (KMREQ, KMRSP):
        for size in (0, 3, 24, 72, 104, 400, 1400):
            peer = Peer(port)
            peer.handshake(5, 5, -1, peer.cookie(), hsreq + block(SID, b"omed"))
            answer = peer.answer()
            target = struct.unpack(">I", answer[40:44])[0] if len(answer) >= 44 else 0
            peer.control(EXTENSION, kind, bytes([0x12, 0x20, 0x29, 3]) + os.urandom(size), target)
            peer.control(5, 0, b"", target)  # shutdown
    # Noise.
    peer = Peer(port)
    for _ in range(2000):
        peer.socket.send(os.urandom(random.randrange(0, 400)))
    assert Peer(port).cookie(), "no answer after the attacks"


if __name__ == "__main__":
    main()
