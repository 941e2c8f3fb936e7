#!/usr/bin/env python3
"""An RTMP server that takes publications, or misbehaves at a chosen step.

rtmp_sink.py --port P [--host ADDRESS] [--script STEP,STEP,...] [--record DIR] [--tls CERT KEY [--old-tls]]
             [--rcvbuf N]

The n-th connection behaves as the n-th STEP says, later ones as the last one. STEP is one of
  good                takes all, acknowledges every 250 kB
  silent              accepts and never says a word
  cut-handshake       closes in the middle of the handshake
  silent-connect      never answers connect;      cut-connect   sends half of the answer and closes
  reject-connect:CODE                             reject:CODE[@TEXT] refuses publish
  silent-create       never answers createStream; silent-publish never answers publish
  rst-connect         resets instead of answering connect;      rst-publish the same at publish
  close:S             good, closes S seconds after the publish; rst:S the same with a reset
  stop:S              good, stops reading after S seconds;      swallow:S reads on, says nothing more
  slow:BPS            reads media at so many bits per second
  garbage             answers the handshake with noise;         garbage-media:S noise after S seconds
  tiny                answers in chunks of 1 byte, wants acknowledgements of 1 byte
  chatter             sends acknowledgements, pings and chunk sizes all the time
  mute                good, but never acknowledges
  redirect:URL        sends the publisher elsewhere
  reconnect:S[@URL]   asks for a new connection after S seconds, elsewhere with URL
Prints one JSON line per thing that happened. With --record each publication becomes DIR/N.flv, and its
arrival times DIR/N.times (kind, RTMP ms, size, monotonic seconds)."""
import argparse
import json
import os
import random
import socket
import ssl
import struct
import sys
import threading
import time

LOCK = threading.Lock()


def say(connection, event, **fields):
    with LOCK:
        print(json.dumps({"t": round(time.time(), 3), "conn": connection, "event": event, **fields}), flush=True)


class Gone(Exception):
    pass


def amf(value):
    if value is None:
        return b"\x05"
    if isinstance(value, bool):
        return b"\x01" + bytes([value])
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\x02" + struct.pack(">H", len(data)) + data
    out = b"\x03"
    for name, item in value.items():
        out += struct.pack(">H", len(name)) + name.encode() + amf(item)
    return out + b"\x00\x00\x09"


def read_amf(data, at=0):
    """One value and where the next begins; enough for what publishers send."""
    kind = data[at]
    if kind == 0:
        return struct.unpack(">d", data[at + 1:at + 9])[0], at + 9
    if kind == 1:
        return bool(data[at + 1]), at + 2
    if kind == 2:
        n = struct.unpack(">H", data[at + 1:at + 3])[0]
        return data[at + 3:at + 3 + n].decode(), at + 3 + n
    if kind in (5, 6):
        return None, at + 1
    if kind in (3, 8):
        at += 5 if kind == 8 else 1
        out = {}
        while data[at:at + 3] != b"\x00\x00\x09":
            n = struct.unpack(">H", data[at:at + 2])[0]
            name = data[at + 2:at + 2 + n].decode()
            out[name], at = read_amf(data, at + 2 + n)
        return out, at + 3
    if kind == 10:
        count = struct.unpack(">I", data[at + 1:at + 5])[0]
        at += 5
        out = []
        for _ in range(count):
            item, at = read_amf(data, at)
            out.append(item)
        return out, at
    raise ValueError(f"AMF type {kind}")


class Connection:
    def __init__(self, number, sock, step, options):
        self.number, self.sock, self.options = number, sock, options
        self.kind, _, self.value = step.partition(":")
        self.chunk, self.out_chunk = 128, 128
        self.streams, self.received, self.acked = {}, 0, 0
        self.buffer = b""
        self.until = None  # when it turns bad
        self.flv = self.times = None
        self.counts = {"video": 0, "audio": 0, "key": 0}
        self.rate_begin = None

    def seconds(self):
        return float(self.value.partition("@")[0] or 0)

    def fill(self):
        if self.until and time.monotonic() >= self.until:
            self.turn()
        if self.kind == "slow" and self.rate_begin:
            allowed = (time.monotonic() - self.rate_begin) * float(self.value) / 8
            if self.received - self.rate_base > allowed:
                time.sleep(0.05)
                return
        self.sock.settimeout(0.1)
        try:
            data = self.sock.recv(2000 if self.kind == "slow" else 65536)
        except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
            return
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed by the peer")
        self.received += len(data)
        self.buffer += data
        quiet = self.kind in ("mute", "swallow-now")
        if self.kind == "chatter" and self.rate_begin:
            for _ in range(20):
                self.control(3, self.received & 0xFFFFFFFF)
                self.message(4, struct.pack(">HI", 6, self.received & 0xFFFFFFFF), 2, 0)
                self.control(1, random.choice([1, 128, 4096]), chunk=True)
        elif not quiet and self.received - self.acked > 250000:
            self.acked = self.received
            self.control(3, self.received & 0xFFFFFFFF)

    def need(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send(self, data):
        try:
            self.sock.settimeout(5)
            self.sock.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from error

    def message(self, kind, body, csid=3, stream=0):
        out = bytes([csid]) + b"\0\0\0" + struct.pack(">I", len(body))[1:] + bytes([kind]) + struct.pack("<I", stream)
        for at in range(0, max(len(body), 1), self.out_chunk):
            out += (bytes([0xC0 | csid]) if at else b"") + body[at:at + self.out_chunk]
        self.send(out)

    def control(self, kind, value, chunk=False):
        self.message(kind, struct.pack(">I", value), 2)
        if chunk:
            self.out_chunk = value

    def command(self, *values, stream=0):
        self.message(20, b"".join(amf(v) for v in values), 3, stream)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone("reset by this end")

    def turn(self):
        self.until = None
        say(self.number, "turn", step=self.kind)
        if self.kind == "close":
            raise Gone("closed by this end")
        if self.kind == "rst":
            self.reset()
        if self.kind == "stop":
            self.hang()
        if self.kind == "swallow":
            self.kind = "swallow-now"
        if self.kind == "garbage-media":
            self.send(random.Random(1).randbytes(5000))
        if self.kind == "reconnect":
            info = {"level": "status", "code": "NetConnection.Connect.ReconnectRequest"}
            if "@" in self.value:
                info["tcUrl"] = self.value.partition("@")[2]
            self.command("onStatus", 0, None, info)

    def hang(self):
        while True:  # until the peer has had enough; its closing is not read, but seen
            time.sleep(0.1)
            try:
                if self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (7, 8):
                    raise Gone("closed by the peer while this end was hanging")
            except OSError as error:
                raise Gone(str(error)) from error

    def run(self):
        say(self.number, "accept", step=self.kind)
        if self.kind == "silent":
            self.hang()
        hello = self.need(1537)
        if self.kind == "garbage":
            self.send(random.Random(2).randbytes(4000))
            self.hang()
        if self.kind == "cut-handshake":
            self.send(b"\x03" + bytes(700))
            raise Gone("cut")
        self.send(b"\x03" + bytes(1536) + hello[1:])
        self.need(1536)
        while True:
            self.chunk_in()

    def chunk_in(self):
        first = self.need(1)[0]
        form, csid = first >> 6, first & 63
        if csid < 2:
            extra = self.need(csid + 1)
            csid = 64 + extra[0] + (extra[1] << 8 if csid else 0)
        s = self.streams.setdefault(csid, {"time": 0, "delta": 0, "length": 0, "kind": 0, "data": b"", "ext": False})
        head = self.need([11, 7, 3, 0][form])
        if form < 3:
            field = int.from_bytes(head[:3], "big")
            s["ext"] = field == 0xFFFFFF
        if form < 2:
            s["length"], s["kind"] = int.from_bytes(head[3:6], "big"), head[6]
        if s["ext"]:
            field = int.from_bytes(self.need(4), "big")
        if form < 3:
            s["delta"] = field
        if not s["data"]:
            s["time"] = s["delta"] if form == 0 else (s["time"] + s["delta"]) & 0xFFFFFFFF
        s["data"] += self.need(min(self.chunk, s["length"] - len(s["data"])))
        if len(s["data"]) == s["length"]:
            data, s["data"] = s["data"], b""
            self.handle(s["kind"], s["time"], data)

    def handle(self, kind, when, data):
        if kind == 1:
            self.chunk = int.from_bytes(data, "big")
        elif kind == 20:
            values, at = [], 0
            while at < len(data):
                value, at = read_amf(data, at)
                values.append(value)
            self.on_command(values)
        elif kind in (8, 9, 18):
            self.on_media(kind, when, data)

    def on_command(self, values):
        name, number = values[0], values[1]
        if name == "connect":
            self.on_connect(number, values[2])
        elif name == "createStream":
            if self.kind == "silent-create":
                self.hang()
            self.command("_result", number, None, 1)
        elif name == "publish":
            self.on_publish(values[3])
        elif name in ("FCUnpublish", "deleteStream"):
            say(self.number, name)

    def on_connect(self, number, info):
        say(self.number, "connect", app=info.get("app"), tcUrl=info.get("tcUrl"), flashVer=info.get("flashVer"))
        if self.kind == "silent-connect":
            self.hang()
        if self.kind == "rst-connect":
            self.reset()
        if self.kind == "reject-connect":
            self.command("_error", number, None, {"level": "error", "code": self.value, "description": "no"})
            self.hang()
        if self.kind == "redirect":
            self.command("_error", number, None, {"level": "error", "code": "NetConnection.Connect.Rejected",
                                                  "ex": {"code": 302, "redirect": self.value}})
            self.hang()
        if self.kind == "tiny":
            self.control(5, 1)
            self.control(1, 1, chunk=True)
        good = b"".join(amf(v) for v in ("_result", number, {"fmsVer": "FMS/3,0,1,123"},
                                         {"level": "status", "code": "NetConnection.Connect.Success"}))
        if self.kind == "cut-connect":
            self.send(bytes([3, 0, 0, 0]) + struct.pack(">I", len(good))[1:] + bytes([20]) + bytes(4) + good[:40])
            raise Gone("cut")
        self.control(5, 2500000)
        self.message(20, good, 3)

    def on_publish(self, name):
        if self.kind == "silent-publish":
            self.hang()
        if self.kind == "rst-publish":
            self.reset()
        if self.kind == "reject":
            code, _, text = self.value.partition("@")
            say(self.number, "reject", code=code)
            self.command("onStatus", 0, None, {"level": "error", "code": code, "description": text or "no"}, stream=1)
            self.hang()
        say(self.number, "publish", name_length=len(name))
        self.rate_begin, self.rate_base = time.monotonic(), self.received
        if self.kind in ("close", "rst", "stop", "swallow", "garbage-media", "reconnect"):
            self.until = time.monotonic() + self.seconds()
        if self.options.record:
            os.makedirs(self.options.record, exist_ok=True)
            base = os.path.join(self.options.record, str(self.number))
            self.flv, self.times = open(base + ".flv", "wb"), open(base + ".times", "w")
            self.flv.write(b"FLV\x01\x05\0\0\0\x09\0\0\0\0")
        self.command("onStatus", 0, None, {"level": "status", "code": "NetStream.Publish.Start"}, stream=1)

    def on_media(self, kind, when, data):
        name = {8: "audio", 9: "video", 18: "data"}[kind]
        if kind == 9 and data and data[0] & 0x70 == 0x10 and data[1:2] != b"\0":
            self.counts["key"] += 1
            if self.counts["key"] == 1:
                say(self.number, "first-key", ms=when, frames_before=self.counts["video"])
        if kind != 18 and data[1:2] != b"\0":
            self.counts[name] += 1
        if not self.flv:
            return
        if kind == 18:
            data = data[16:] if data.startswith(b"\x02\x00\x0d@setDataFrame") else data
        self.flv.write(bytes([kind]) + struct.pack(">I", len(data))[1:] + struct.pack(">I", when & 0xFFFFFF)[1:] +
                       bytes([when >> 24 & 255]) + b"\0\0\0" + data + struct.pack(">I", len(data) + 11))
        self.times.write(f"{name} {when} {len(data)} {time.monotonic():.6f}\n")


def serve(number, sock, step, options, context):
    connection = None
    try:
        if context:
            sock.settimeout(5)
            sock = context.wrap_socket(sock, server_side=True)
        connection = Connection(number, sock, step, options)
        connection.run()
    except Gone as reason:
        say(number, "end", reason=str(reason), **connection.counts)
    except OSError as error:
        say(number, "end", reason=str(error))
    finally:
        if connection and connection.flv:
            connection.flv.close()
            connection.times.close()
        sock.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--script", default="good")
    parser.add_argument("--record")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--old-tls", action="store_true", help="nothing newer than TLS 1.1")
    parser.add_argument("--rcvbuf", type=int, default=0)
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if options.old_tls:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.load_cert_chain(*options.tls)
    steps = options.script.split(",")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.rcvbuf:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.rcvbuf)
    listener.bind((options.host, options.port))
    listener.listen(64)
    say(0, "listening")
    number = 0
    while True:
        sock, _ = listener.accept()
        number += 1
        step = steps[min(number, len(steps)) - 1]
        threading.Thread(target=serve, args=(number, sock, step, options, context), daemon=True).start()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
