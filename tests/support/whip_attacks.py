#!/usr/bin/env python3
"""whip_attacks.py URL RTC_PORT: what a stranger may throw at a WHIP server: forged STUN, DTLS and RTP at its UDP
port, garbage and oversize offers, bodies that never end. Prints JSON: how much was sent, what was answered.
"""

import collections
import http.client
import json
import os
import random
import socket
import sys
import time
import urllib.parse


def datagrams(port, count=24000):
    chance = random.Random(5)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # A record of DTLS 1.2 with a whole ClientHello of 52 bytes.
    hello = bytes.fromhex("16fefd" "0000000000000000" "0040" "01000034" "0000" "000000" "000034" "fefd") + bytes(50)
    stun = bytes.fromhex("000100242112a442") + bytes(12) + bytes.fromhex("00060009") + b"abcd:efgh\0\0\0"
    sent = 0
    for i in range(count):
        kind = i % 4
        data = (hello + os.urandom(chance.randrange(200)) if kind == 0 else
                stun + os.urandom(chance.randrange(60)) if kind == 1 else
                bytes([0x80, 96]) + os.urandom(chance.randrange(1400)) if kind == 2 else
                os.urandom(chance.randrange(1, 1500)))
        out.sendto(data, ("127.0.0.1", port))
        sent += 1
        if i % 200 == 0:
            time.sleep(0.005)
    return sent


def post(address, body, kind="application/sdp"):
    connection = http.client.HTTPConnection(*address, timeout=20)
    connection.request("POST", "/demo/whip", body, {"Content-Type": kind})
    code = connection.getresponse().status
    connection.close()
    return str(code)


def slow(address):
    """A body that comes a byte a second: the server does not wait for ever."""
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(b"POST /demo/whip HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 60000\r\n\r\n")
    return connection


def main():
    url = urllib.parse.urlsplit(sys.argv[1])
    address = (url.hostname, url.port)
    lines = ["v=0", "a=group:BUNDLE " + "x " * 500, "m=video 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, range(200))),
             "a=rtpmap:96 H264/90000", "m=audio 0 x 1", "a=candidate:" + "1 " * 900, "a=ice-ufrag:" + "z" * 4000]
    chance = random.Random(6)
    waiting = [slow(address) for _ in range(20)]
    codes = collections.Counter()
    for i in range(300):
        body = "\r\n".join(chance.choices(lines, k=chance.randrange(1, 60))).encode()
        codes[post(address, body[:60000])] += 1
        codes[post(address, os.urandom(chance.randrange(5000)))] += 1
    codes[post(address, bytes(1 << 20))] += 1
    codes[post(address, b"v=0", "text/html")] += 1
    sent = datagrams(int(sys.argv[2]))
    begun, closed = time.monotonic(), 0
    for connection in waiting:
        while time.monotonic() - begun < 15:
            try:
                connection.sendall(b"x")
                connection.settimeout(0.3)
                if not connection.recv(100):
                    closed += 1
                    break
            except TimeoutError:
                continue
            except OSError:
                closed += 1
                break
    json.dump({"datagrams": sent, "codes": codes, "slow_closed": closed == len(waiting)}, sys.stdout)


main()
