"""What the scripted HTTP servers of the tests do when they are told to fail; for BaseHTTPRequestHandler."""

import socket


class Faulty:
    def hang(self):
        self.close_connection = True
        self.connection.settimeout(120)
        try:
            while self.connection.recv(1 << 16):
                pass
        except OSError:
            pass

    def drop(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()
