#!/usr/bin/env python3
"""rtmp_peer.py: an RTMP publisher that does exactly what it is told, also what no encoder should.

publish PORT KEY FLV [options]   sends the tags of an FLV file, bent as the options say
write FLV [options]              the same as an FLV file, to standard output
attack NAME PORT [KEY]           one of the attacks below; prints what the server did as JSON

Times are milliseconds. Standard library only; nothing is random. Long because each attack is a small
function of its own beside the others.
"""
import argparse
import json
import socket
import struct
import sys
import time

AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20


def amf(*values):
    out = b""
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, bool):
            out += b"\x01" + bytes([value])
        elif isinstance(value, (int, float)):
            out += b"\x00" + struct.pack(">d", value)
        elif isinstance(value, str):
            text = value.encode()
            out += b"\x02" + struct.pack(">H", len(text)) + text
        else:
            out += b"\x03"
            for name, member in value.items():
                out += struct.pack(">H", len(name.encode())) + name.encode() + amf(member)
            out += b"\x00\x00\x09"
    return out


class Peer:
    def __init__(self, port, source=None, timeout=10):
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.chunk = 128
        self.repeat_extended = True
        self.heard = b""

    def send(self, data):
        self.socket.sendall(data)

    def read(self, size):
        out = b""
        while len(out) < size:
            piece = self.socket.recv(size - len(out))
            if not piece:
                raise EOFError("closed by the server")
            out += piece
        return out

    def handshake(self):
        self.send(b"\x03" + bytes(8) + bytes(1528))
        answer = self.read(1 + 1536 + 1536)
        self.send(answer[1:1537])

    def message(self, kind, payload, timestamp=0, stream=1, channel=None):
        channel = channel or {COMMAND: 3, AUDIO: 4, DATA: 4, VIDEO: 6}.get(kind, 2)
        timestamp &= 0xFFFFFFFF
        extended = timestamp >= 0xFFFFFF
        head = struct.pack(">I", 0xFFFFFF if extended else timestamp)[1:]
        head += struct.pack(">I", len(payload))[1:] + bytes([kind]) + struct.pack("<I", stream)
        tail = struct.pack(">I", timestamp) if extended else b""
        out = bytes([channel]) + head + tail + payload[:self.chunk]
        more = bytes([0xC0 | channel]) + (tail if self.repeat_extended else b"")
        for at in range(self.chunk, len(payload), self.chunk):
            out += more + payload[at:at + self.chunk]
        self.send(out)

    def set_chunk(self, size):
        self.message(1, struct.pack(">I", size), stream=0)
        self.chunk = max(1, min(size, 0xFFFFFF))

    def command(self, name, transaction, *args, stream=0):
        self.message(COMMAND, amf(name, transaction, *args), stream=stream)

    def wait(self, word, seconds=10):
        """Reads until the server has said the word; its text if it did not."""
        deadline = time.monotonic() + seconds
        while word.encode() not in self.heard:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {word} from the server")
            self.socket.settimeout(left)
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(f"closed by the server before {word}")
            self.heard += piece

    def connect(self, app="live", extra=None):
        self.command("connect", 1, {"app": app, "type": "nonprivate", "flashVer": "test",
                                    "tcUrl": f"rtmp://127.0.0.1/{app}", **(extra or {})})
        self.wait("NetConnection.Connect.")

    def publish(self, key):
        self.command("releaseStream", 2, None, key)
        self.command("FCPublish", 3, None, key)
        self.command("createStream", 4, None)
        self.command("publish", 5, None, key, "live", stream=1)
        # onFCPublish carries the same code, onStatus alone has a level behind that of connect.
        deadline = time.monotonic() + 10
        while self.heard.count(b"\x00\x05level") < 2 and time.monotonic() < deadline:
            self.heard += self.socket.recv(65536) or self.end_of_stream()
        return "refused" if b"error" in self.heard else "started"

    def end_of_stream(self):
        raise EOFError("closed by the server before the answer to publish")

    def begin(self, key, app="live"):
        self.handshake()
        self.connect(app)
        return self.publish(key)

    def stop(self, key):
        self.command("FCUnpublish", 6, None, key)
        self.command("deleteStream", 7, None, 1)
        self.until_closed(3)

    def said(self):
        return "".join(chr(c) if 32 <= c < 127 else " " for c in self.heard)[-300:]

    def until_closed(self, seconds):
        """Seconds until the server closed; None when it did not."""
        start = time.monotonic()
        while True:
            left = seconds - (time.monotonic() - start)
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(65536)
            except socket.timeout:
                return None
            except OSError:
                piece = b""
            if not piece:
                return time.monotonic() - start
            self.heard += piece


def flv_tags(path):
    with open(path, "rb") as file:
        data = file.read()
    at = struct.unpack(">I", data[5:9])[0] + 4
    while at + 11 <= len(data):
        kind = data[at] & 31
        size = int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        yield kind, stamp, data[at + 11:at + 11 + size]
        at += 11 + size + 4


def is_header(kind, body):
    return len(body) > 1 and (
        kind == VIDEO and body[0] & 15 == 7 and body[1] == 0 or
        kind == AUDIO and body[0] >> 4 == 10 and body[1] == 0)


def bent(options, tags):
    """The tags with times and order as the options want them."""
    late = []
    pictures = sounds = 0
    for kind, stamp, body in tags:
        header = is_header(kind, body)
        if kind == DATA and options.no_metadata:
            continue
        if header and kind == VIDEO and options.video_header_after and pictures == 0:
            late.append((kind, stamp, body))
            continue
        if header and kind == AUDIO and options.audio_header == "none":
            continue
        if header and kind == AUDIO and options.audio_header == "empty-first":
            yield kind, stamp, body[:2]
        if header and kind == AUDIO and options.audio_header.startswith("after:"):
            late.append((kind, stamp, body))
            continue
        for held in list(late):
            due = (pictures >= options.video_header_after if held[0] == VIDEO else
                   stamp >= int(options.audio_header[6:]))
            if due:
                late.remove(held)
                yield held[0], stamp, held[2]
        if kind == AUDIO and not header and stamp < options.audio_from:
            continue
        if kind == VIDEO and not header and stamp < options.video_from:
            continue
        if not header and kind == VIDEO:
            pictures += 1
        if not header and kind == AUDIO:
            sounds += 1
        if options.jump and stamp >= options.jump[0]:
            stamp += options.jump[1]
        if options.outlier and not header and kind == VIDEO and pictures % options.outlier[0] == 10:
            stamp += options.outlier[1]
        yield kind, stamp, body


def write(options):
    out = sys.stdout.buffer
    out.write(b"FLV\x01\x05" + struct.pack(">II", 9, 0))
    for kind, stamp, body in bent(options, flv_tags(options.flv)):
        stamp = stamp + options.first & 0xffffffff
        out.write(bytes([kind]) + len(body).to_bytes(3, "big") + stamp.to_bytes(4, "big")[1:] +
                  bytes([stamp >> 24]) + bytes(3) + body + struct.pack(">I", 11 + len(body)))


def publish(options):
    peer = Peer(options.port, options.source)
    peer.repeat_extended = not options.bare_type3
    if options.chunk:
        peer.handshake()
        peer.set_chunk(options.chunk)
        peer.connect(options.app)
        outcome = peer.publish(options.key)
    else:
        outcome = peer.begin(options.key, options.app)
    if outcome != "started":
        print(json.dumps({"outcome": outcome, "closed_after": peer.until_closed(3),
                          "said": peer.said()}))
        return 3
    start, sent = time.monotonic(), 0
    first = None
    tags = []
    for path in options.flv:
        tags.append(bent(options, flv_tags(path)))
    base = 0
    for number, source in enumerate(tags):
        last = 0
        for kind, stamp, body in source:
            if kind not in (AUDIO, VIDEO, DATA) or not body:
                continue
            if options.until and stamp >= options.until:
                break
            first = stamp if first is None else first
            if options.realtime:
                delay = start + (base + stamp - first) / 1000 - time.monotonic()
                if 0 < delay < 5:
                    time.sleep(delay)
            try:
                peer.message(kind, body, base + stamp + options.first)
            except OSError:
                print(json.dumps({"outcome": "cut", "sent": sent,
                                  "said": peer.said()}))
                return 4
            if not is_header(kind, body):
                sent += 1
                last = max(last, stamp)
        base += last + 33
    if options.end == "stop":
        peer.stop(options.key)
    elif options.end == "drop":
        peer.socket.close()
    elif options.end == "hang":
        print(json.dumps({"outcome": "hanging"}), flush=True)
        closed = peer.until_closed(options.hang)
        print(json.dumps({"outcome": "hung", "closed_after": closed}))
        return 0
    print(json.dumps({"outcome": "sent", "sent": sent}))
    return 0


def pair(text):
    return tuple(int(part) for part in text.split(":"))


def add_times(p):
    p.add_argument("--first", type=int, default=0, help="added to all times")
    p.add_argument("--jump", type=pair, help="AT:BY all times from AT on")
    p.add_argument("--outlier", type=pair, help="EVERY:BY one picture of EVERY")
    p.add_argument("--audio-from", type=int, default=0)
    p.add_argument("--video-from", type=int, default=0)
    p.add_argument("--video-header-after", type=int, default=0, help="pictures")
    p.add_argument("--audio-header", default="normal", help="none, empty-first, after:MS")
    p.add_argument("--no-metadata", action="store_true")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    from rtmp_attacks import ATTACKS
    verbs = parser.add_subparsers(dest="verb", required=True)
    p = verbs.add_parser("publish")
    p.add_argument("port", type=int)
    p.add_argument("key")
    p.add_argument("flv", nargs="+", help="several: one after the other in one publication")
    w = verbs.add_parser("write")
    w.add_argument("flv")
    for verb in p, w:
        add_times(verb)
    p.add_argument("--app", default="live")
    p.add_argument("--source", help="address to come from")
    p.add_argument("--chunk", type=int, help="chunk size of what is sent")
    p.add_argument("--bare-type3", action="store_true",
                   help="leave the extended timestamp out of type-3 chunks")
    p.add_argument("--until", type=int, default=0, help="stop at this time")
    p.add_argument("--realtime", action="store_true")
    p.add_argument("--end", choices=["stop", "drop", "hang"], default="stop")
    p.add_argument("--hang", type=float, default=60)
    a = verbs.add_parser("attack")
    a.add_argument("name", choices=sorted(ATTACKS))
    a.add_argument("port", type=int)
    a.add_argument("key", nargs="?", default="demo")
    a.add_argument("--source", help="of refusal: address to come from")
    options = parser.parse_args()
    if options.verb == "publish":
        return publish(options)
    if options.verb == "write":
        return write(options)
    extra = {"source": options.source} if options.source else {}
    print(json.dumps(ATTACKS[options.name](options.port, options.key, **extra)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
