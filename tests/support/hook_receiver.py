#!/usr/bin/env python3
"""hook_receiver.py DIR: a receiver of webhooks on a loopback port, as well or as badly as its paths say.

/ok takes all, /hang reads and never answers, /dribble answers a byte a second, /redirect leads to /trap,
/switch answers with the status in DIR/switch. Prints the port. DIR/requests.jsonl gets a line for each request
(path, status, headers, body), DIR/connections the number of connections; the last message as it came is DIR/raw.
"""

import json
import os
import socket
import sys
import threading
import time

FOLDER = sys.argv[1]
LOCK = threading.Lock()
COUNT = 0


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, value = line.split(":", 1)
        headers[name.strip().lower()] = value.strip()
    while len(body) < int(headers.get("content-length", 0)):
        chunk = connection.recv(65536)
        if not chunk:
            return None
        body += chunk
    return lines[0].split(" ")[1], headers, body, head + b"\r\n\r\n" + body


def status_for(path):
    if path == "/switch":
        with open(os.path.join(FOLDER, "switch"), encoding="ascii") as file:
            return int(file.read())
    return {"/redirect": 302, "/hang": 0, "/dribble": 0}.get(path, 200)


def note(path, status, headers, body, raw):
    with LOCK:
        with open(os.path.join(FOLDER, "requests.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps({"path": path, "status": status, "headers": headers, "body": json.loads(body)}) + "\n")
        with open(os.path.join(FOLDER, "raw.new"), "wb") as file:
            file.write(raw)
        os.rename(os.path.join(FOLDER, "raw.new"), os.path.join(FOLDER, "raw"))


def serve(connection, port):
    global COUNT
    with LOCK:
        COUNT += 1
        with open(os.path.join(FOLDER, "connections"), "w", encoding="ascii") as file:
            file.write(f"{COUNT}\n")
    with connection:
        try:
            request = read_request(connection)
            if request is None:
                return
            path, headers, body, raw = request
            status = status_for(path)
            note(path, status, headers, body, raw)
            if path == "/hang":
                connection.recv(1)
            elif path == "/dribble":
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
                    connection.sendall(bytes([byte]))
                    time.sleep(1)
            else:
                more = f"Location: http://127.0.0.1:{port}/trap\r\n" if status == 302 else ""
                connection.sendall(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except OSError:
            pass


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listener.getsockname()[1]
    open(os.path.join(FOLDER, "requests.jsonl"), "a", encoding="utf-8").close()
    print(port, flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, port), daemon=True).start()


main()
