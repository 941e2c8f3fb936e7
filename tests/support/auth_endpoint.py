#!/usr/bin/env python3
"""auth_endpoint.py PORT LOG: an operator's endpoint for --auth-url whose answer is in the key.

yes-NAME: 200 that names the stream; yes: 204; no: 403; slow-no: 403 after 2 s; slow-NAME: as yes-NAME
after 2 s; hang: nothing; dribble: a byte each half second; broken: 500; redirect: to where it would be
a yes; garbage, walk: 200 with what is no JSON, with a name that is none. Each question is a line of
LOG, which holds keys.
"""
import http.server
import sys
import threading
import time

LOCK = threading.Lock()


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, b'{"stream": "demo"}')

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with LOCK, open(sys.argv[2], "ab") as log:
            log.write(body + b"\n")
        text = body.decode()
        key = text.split('"key":"')[1].split('"')[0] if '"key":"' in text else "null"
        if key.startswith("slow-"):
            time.sleep(2)
            key = key[5:] if key == "slow-no" else "yes-" + key[5:]
        if key.startswith("yes-"):
            self.answer(200, b'{"stream": "%s"}' % key[4:].encode())
        elif key == "yes":
            self.answer(204)
        elif key == "broken":
            self.answer(500)
        elif key == "redirect":
            self.answer(302, headers=[("Location", "/yes")])
        elif key == "garbage":
            self.answer(200, b'{"stream":')
        elif key == "walk":
            self.answer(200, b'{"stream": "../walk"}')
        elif key in ("hang", "dribble"):
            for _ in range(40):
                time.sleep(0.5)
                if key == "dribble":
                    self.wfile.write(b"H")
                    self.wfile.flush()
        else:
            self.answer(403)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # who asked did not wait


Server(("127.0.0.1", int(sys.argv[1])), Endpoint).serve_forever()
