#!/usr/bin/env python3
"""pull_server.py PORT DIRECTORY: serves files; /to/URL redirects there. Each request is a line on stderr."""
import functools
import http.server
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if not self.path.startswith("/to/"):
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", self.path[len("/to/"):])
        self.send_header("Content-Length", "0")
        self.end_headers()


http.server.ThreadingHTTPServer(
    ("127.0.0.1", int(sys.argv[1])),
    functools.partial(Handler, directory=sys.argv[2])).serve_forever()
