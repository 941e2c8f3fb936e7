#!/usr/bin/env python3
"""srtla_send.py PORT RECEIVER...: spreads the SRT connection of a caller at 127.0.0.1:PORT over one link per
RECEIVER (ADDRESS:PORT, which may be relays on the way to one receiver) by SRTLA.

"ready" goes to standard output when all links have joined, and at the end (SIGTERM) one line of JSON: what each
link carried. Written from the protocol, to test the receiver: a link takes packets as long as few of them wait
for their acknowledgement, and none once it is silent.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import time

KEEPALIVE, ACK, REG1, REG2, REG3, REG_ERR, REG_NGP = 0x9000, 0x9100, 0x9200, 0x9201, 0x9202, 0x9210, 0x9211
SRT_ACK = 0x8002
SILENT = 1.5  # seconds after which nothing more is given to a link


class Link:
    def __init__(self, receiver):
        host, port = receiver.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, int(port)))
        self.joined, self.heard, self.spoke = False, 0.0, 0.0
        self.flying = {}  # sequence -> when
        self.sent = self.acknowledged = self.joins = 0

    def send(self, packet):
        self.spoke = time.monotonic()
        try:
            self.socket.send(packet)
        except OSError:
            pass  # the relay has gone

    def usable(self, now):
        return self.joined and now - self.heard < SILENT


class Sender:
    def __init__(self, port, receivers):
        self.listen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listen.bind(("127.0.0.1", port))
        self.caller = None
        self.links = [Link(r) for r in receivers]
        self.id, self.known = os.urandom(256), False
        self.told = False

    def register(self, now):
        """Each second: what is to be said to links that have not joined or say nothing."""
        for number, link in enumerate(self.links):
            if link.usable(now):
                link.send(struct.pack(">H", KEEPALIVE))
            elif self.known:
                link.send(struct.pack(">H", REG2) + self.id)
            elif number == 0:
                link.send(struct.pack(">H", REG1) + self.id)
            for sequence in [s for s, at in link.flying.items() if now - at > 3]:
                del link.flying[sequence]

    def from_caller(self):
        packet, self.caller = self.listen.recvfrom(2048)
        now = time.monotonic()
        usable = [link for link in self.links if link.usable(now)]
        if not usable:
            return
        link = min(usable, key=lambda one: len(one.flying))
        word, = struct.unpack_from(">I", packet)
        if not word >> 31:
            link.flying[word] = now
            link.sent += 1
        link.send(packet)

    def from_receiver(self, link):
        try:
            packet = link.socket.recv(2048)
        except OSError:
            return
        kind, = struct.unpack_from(">H", packet)
        if kind == REG_NGP:
            self.known = False
            return
        if kind == REG_ERR:
            sys.exit("the receiver refuses")
        if kind == REG2:
            if packet[2:130] != self.id[:128]:
                sys.exit("a group that was not asked for")
            self.id, self.known = packet[2:], True
            self.register(time.monotonic())
            return
        link.heard = time.monotonic()
        if kind == REG3:
            link.joins += not link.joined
            link.joined = True
            if not self.told and all(one.joined for one in self.links):
                self.told = True
                print("ready", flush=True)
        elif kind == ACK:
            if len(packet) != 44:
                sys.exit(f"an acknowledgement of {len(packet)} bytes")
            for sequence in struct.unpack(">10I", packet[4:]):
                link.acknowledged += link.flying.pop(sequence, None) is not None
        elif kind != KEEPALIVE and self.caller:
            if kind == SRT_ACK and len(packet) >= 20:
                upto, = struct.unpack_from(">I", packet, 16)
                for one in self.links:
                    for sequence in [s for s in one.flying if (upto - s) & 0x7FFFFFFF < 1 << 30]:
                        del one.flying[sequence]
            self.listen.sendto(packet, self.caller)

    def run(self):
        sockets = {link.socket: link for link in self.links}
        due = 0.0
        while True:
            now = time.monotonic()
            if now >= due:
                due = now + (1 if self.told else 0.2)
                self.register(now)
            for ready in select.select([self.listen, *sockets], [], [], 0.1)[0]:
                if ready is self.listen:
                    self.from_caller()
                else:
                    self.from_receiver(sockets[ready])

    def report(self, *_):
        print(json.dumps({"links": [{"sent": one.sent, "acknowledged": one.acknowledged, "joins": one.joins}
                                    for one in self.links]}), flush=True)
        sys.exit(0)


def main():
    sender = Sender(int(sys.argv[1]), sys.argv[2:])
    signal.signal(signal.SIGTERM, sender.report)
    sender.run()


if __name__ == "__main__":
    main()
