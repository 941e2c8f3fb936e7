#!/usr/bin/env python3
"""rtmp_cycles.py PORT NAME FLV COUNT: publishes the beginning of an FLV file COUNT times to NAME0 to
NAME3 in turn, and ends half of the publications as encoders do and half by a reset. Prints how many
were let in. Whoever runs it watches what the server keeps."""
import itertools
import socket
import struct
import sys

from rtmp_peer import AUDIO, VIDEO, Peer, flv_tags

TAGS = 30


def main():
    port, name, flv, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    tags = [t for t in itertools.islice(flv_tags(flv), TAGS) if t[0] in (AUDIO, VIDEO) and t[2]]
    started = 0
    for number in range(count):
        key = f"{name}{number // 2 % 4}"
        peer = Peer(port)
        started += peer.begin(key) == "started"
        for kind, stamp, body in tags:
            peer.message(kind, body, stamp)
        if number % 2:
            peer.command("FCUnpublish", 6, None, key)
            peer.command("deleteStream", 7, None, 1)
        else:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()
    print(started)


main()
