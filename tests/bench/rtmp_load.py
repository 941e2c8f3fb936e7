#!/usr/bin/env python3
"""rtmp_load.py FLV URL... : publishes one FLV file to every URL at once, paced in real time, over RTMP.

The chunk stream is made once and shared by all connections, so that hundreds of publishers cost little
beside the server under test. Prints one JSON line when all are live ("live": N) and one at the end.
Only as much of a client as a benchmark needs: plain handshake, no acknowledgements read.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import struct
import sys
from urllib.parse import urlsplit

CHUNK = 65536


def amf(value):
    if isinstance(value, (int, float)):
        return b"\0" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\x02" + struct.pack(">H", len(value)) + value.encode()
    if value is None:
        return b"\x05"
    body = b"".join(struct.pack(">H", len(k)) + k.encode() + amf(v) for k, v in value.items())
    return b"\x03" + body + b"\0\0\x09"


def message(kind, payload, stream=0, time=0, chunk_stream=3, chunk=CHUNK):
    """A message as one type-0 chunk and type-3 chunks behind it."""
    extended = struct.pack(">I", time) if time >= 0xFFFFFF else b""
    head = struct.pack(">BI", chunk_stream, min(time, 0xFFFFFF) << 8)[:4]
    head += struct.pack(">I", len(payload))[1:] + bytes([kind]) + struct.pack("<I", stream) + extended
    parts = [payload[i:i + chunk] for i in range(0, len(payload), chunk)] or [b""]
    return (bytes([0xC0 | chunk_stream]) + extended).join([head + parts[0]] + parts[1:])


def command(*values, stream=0):
    return message(20, b"".join(amf(v) for v in values), stream, chunk=CHUNK)


def media(path):
    """[(milliseconds, bytes)] of the file's tags as RTMP on message stream 1."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 13, []
    while at + 11 <= len(data):
        kind = data[at]
        size = int.from_bytes(data[at + 1:at + 4], "big")
        time = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        payload = data[at + 11:at + 11 + size]
        if kind == 18:
            payload = amf("@setDataFrame") + payload
        found.append((time, message(kind, payload, 1, time, {8: 4, 9: 6}.get(kind, 5))))
        at += 15 + size
    return found


async def until(reader, word, seen=b""):
    while word not in seen:
        more = await asyncio.wait_for(reader.read(65536), 30)
        if not more:
            raise ConnectionError(f"closed before {word.decode()}")
        seen += more
    return seen.split(word, 1)[1]


async def drain(reader):
    while await reader.read(65536):
        pass


async def publish(url, tags, state, begin):
    parts = urlsplit(url)
    app, name = parts.path.strip("/").split("/", 1)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 1935)
    writer.write(b"\x03" + bytes(8) + os.urandom(1528))
    answer = await asyncio.wait_for(reader.readexactly(3073), 30)
    writer.write(answer[1:1537])
    writer.write(message(1, struct.pack(">I", CHUNK), chunk_stream=2))
    writer.write(command("connect", 1, {"app": app, "type": "nonprivate", "flashVer": "FMLE/3.0",
                                        "tcUrl": f"rtmp://{parts.netloc}/{app}"}))
    rest = await until(reader, b"_result")
    writer.write(command("releaseStream", 2, None, name) + command("FCPublish", 3, None, name) +
                 command("createStream", 4, None))
    # FCPublish may be answered too; createStream's answer is the one with transaction 4.
    rest = await until(reader, b"_result" + amf(4), rest)
    writer.write(command("publish", 5, None, name, "live", stream=1))
    await until(reader, b"NetStream.Publish.Start", rest)
    reading = asyncio.create_task(drain(reader))
    state["live"] += 1
    if state["live"] == state["of"]:
        print(json.dumps({"live": state["live"]}), flush=True)
    loop = asyncio.get_running_loop()
    await begin.wait()
    start = loop.time() + random.random() * 0.5
    for time, data in tags:
        delay = start + time / 1000 - loop.time()
        if delay > 0.002:
            await asyncio.sleep(delay)
        state["late"] = max(state["late"], -delay)
        if reading.done():
            raise ConnectionError("closed while publishing")
        writer.write(data)
        state["bytes"] += len(data)
        await writer.drain()
    writer.write(command("deleteStream", 6, None, 1))
    await writer.drain()
    writer.close()
    reading.cancel()


async def run(args):
    tags = media(args.flv)
    state = {"live": 0, "of": len(args.urls), "bytes": 0, "late": 0.0}
    begin = asyncio.Event()
    tasks = []
    for url in args.urls:
        tasks.append(asyncio.create_task(publish(url, tags, state, begin)))
        await asyncio.sleep(args.stagger)
    begin.set()
    # A benchmark that has seen enough ends us; the report still says whether all went well.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: [task.cancel() for task in tasks])
    results = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [repr(r) for r in results if isinstance(r, Exception)]
    print(json.dumps({"failed": len(failed), "why": failed[:3], "bytes": state["bytes"],
                      "max_late_ms": round(state["late"] * 1000)}), flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stagger", type=float, default=0.005, help="seconds between connections")
    parser.add_argument("flv")
    parser.add_argument("urls", nargs="+")
    sys.exit(asyncio.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
