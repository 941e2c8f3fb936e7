"""What rtmp_peer.py can do to a server; each returns what the server did. Numbers such as R05 are those of
the cases they come from."""
import json
import socket
import struct
import sys

from rtmp_peer import COMMAND, VIDEO, Peer, amf


def announced_memory(port, key):
    """R01: many chunk streams that each announce 16 MiB, before connect; the server's memory is the
    caller's to watch while this holds."""
    peer = Peer(port)
    peer.handshake()
    sent = 0
    try:
        for channel in list(range(3, 63)) + list(range(64, 1000)):
            basic = bytes([channel]) if channel < 64 else bytes([0, channel - 64]) if channel < 320 \
                else bytes([1]) + struct.pack("<H", channel - 64)
            peer.send(basic + b"\0\0\0\xff\xff\xff\x14\0\0\0\0" + bytes(128))
            sent += 1
    except OSError:
        pass
    return {"sent": sent, "closed_after": peer.until_closed(12)}


def chunk_zero(port, key):
    """R03"""
    peer = Peer(port)
    peer.handshake()
    peer.message(1, bytes(4), stream=0)
    try:
        for _ in range(1000):
            peer.send(b"\x03\0\0\0\0\0\x64\x14\0\0\0\0" * 100)
    except OSError:
        pass
    return {"closed_after": peer.until_closed(5)}


def nested_amf(port, key):
    """R05: 100,000 objects inside each other."""
    peer = Peer(port)
    peer.handshake()
    peer.set_chunk(65536)
    body = amf("connect", 1) + b"\x03" + b"\x00\x01a\x03" * 100000
    peer.message(COMMAND, body, stream=0)
    return {"closed_after": peer.until_closed(5)}


def lying_amf(port, key):
    """R06: lengths that are not there."""
    closed = []
    for lie in (b"\x0c\xff\xff\xff\xff", b"\x0a\xff\xff\xff\xff", b"\x08\xff\xff\xff\xff",
                b"\x02\xff\xff"):
        peer = Peer(port)
        peer.handshake()
        peer.message(COMMAND, amf("connect", 1) + lie + bytes(20), stream=0)
        closed.append(peer.until_closed(5))
    return {"closed_after": closed}


def changed_length(port, key):
    """R09: a header in the middle of a message, with another length."""
    closed = []
    for first, second in ((100000, 200), (200, 100000)):
        peer = Peer(port)
        peer.handshake()
        peer.send(b"\x03\0\0\0" + struct.pack(">I", first)[1:] + b"\x14\0\0\0\0" + bytes(128))
        peer.send(b"\x43\0\0\0" + struct.pack(">I", second)[1:] + b"\x14" + bytes(128))
        peer.send((b"\xc3" + bytes(128)) * 900)
        closed.append(peer.until_closed(5))
    return {"closed_after": closed}


def garbage(port, key):
    """Not RTMP at all: HTTP, TLS, RTMPE, and a handshake followed by noise."""
    closed = []
    for hello in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" * 300,
                  b"\x06" + bytes(1536)):
        peer = Peer(port)
        try:
            peer.send(hello)
        except OSError:
            pass
        closed.append(peer.until_closed(5))
    peer = Peer(port)
    peer.handshake()
    try:
        for i in range(64):
            peer.send(bytes((i * j * 7 + 13) & 255 for j in range(4096)))
    except OSError:
        pass
    closed.append(peer.until_closed(12))
    return {"closed_after": closed}


def slow_handshakes(port, key):
    """R15: many connections that never say a whole word, from 20 addresses; then it holds them until
    its input ends."""
    peers = []
    for i in range(600):
        try:
            peer = Peer(port, f"127.0.0.{2 + i % 20}", 3)
            peer.send(b"\x03")
            peers.append(peer)
        except OSError:
            pass
    print(json.dumps({"open": len(peers)}), flush=True)
    sys.stdin.read()
    gone = 0
    for peer in peers:
        peer.socket.settimeout(0.001)
        try:
            gone += peer.socket.recv(1) == b""
        except socket.timeout:
            pass
        except OSError:
            gone += 1
    return {"gone": gone}


def silent(port, key):
    """R16: publishes and sends no media."""
    peer = Peer(port)
    outcome = peer.begin(key)
    return {"outcome": outcome, "closed_after": peer.until_closed(30)}


def crowd(port, key):
    """P05: 200 honest publishers that stay; the keys are KEY1, KEY2 ..."""
    peers = []
    started = 0
    for i in range(200):
        try:
            peer = Peer(port, timeout=1)
            peer.socket.settimeout(1)
            started += peer.begin(f"{key}{i + 1}") == "started"
            peers.append(peer)
        except (OSError, EOFError, TimeoutError):
            pass
    print(json.dumps({"started": started}), flush=True)
    sys.stdin.read()
    return {}


def refusal(port, key, source=None):
    """What a publisher is told, and when it is let go."""
    peer = Peer(port, source)
    outcome = peer.begin(key)
    return {"outcome": outcome, "closed_after": peer.until_closed(10),
            "said": peer.said()}


def wrong_app(port, key):
    peer = Peer(port)
    peer.handshake()
    peer.connect("elsewhere")
    return {"closed_after": peer.until_closed(5), "said": peer.said()}


def codec(port, key):
    """Publishes H.263 (Sorenson) pictures."""
    peer = Peer(port)
    outcome = peer.begin(key)
    peer.message(VIDEO, b"\x12" + bytes(100), 0)
    return {"outcome": outcome, "closed_after": peer.until_closed(5),
            "said": peer.said()}


ATTACKS = {f.__name__.replace("_", "-"): f for f in (
    announced_memory, chunk_zero, nested_amf, lying_amf, changed_length, garbage, slow_handshakes,
    silent, crowd, refusal, wrong_app, codec)}
