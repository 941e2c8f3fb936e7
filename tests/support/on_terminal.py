#!/usr/bin/env python3
"""on_terminal.py ANSWERS COMMAND...: runs the command on a terminal of its own, types the next line of the
file ANSWERS whenever it prints something that ends in ": ", and prints what the terminal showed. Standard
output goes through the terminal too. Exits as the command does; 124 after 20 s.
"""

import os
import pty
import select
import sys
import time

with open(sys.argv[1]) as file:
    answers = file.read().splitlines()
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown, fresh, deadline = b"", b"", time.monotonic() + 20
while time.monotonic() < deadline:
    if not select.select([fd], [], [], 0.1)[0]:
        continue
    try:
        data = os.read(fd, 4096)
    except OSError:
        data = b""
    if not data:
        status = os.waitpid(pid, 0)[1]
        sys.stdout.write(shown.decode(errors="replace").replace("\r", ""))
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
    shown += data
    fresh += data
    if fresh.endswith(b": ") and answers:
        os.write(fd, answers.pop(0).encode().decode("unicode_escape").encode() + b"\n")
        fresh = b""
os.kill(pid, 9)
sys.exit(124)
