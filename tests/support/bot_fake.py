#!/usr/bin/env python3
"""bot_fake.py PORT LOG TOKEN_FILE: a Telegram Bot API server in memory that fails on request.

It is independent of the code under test. The chat is "@test" or -100. Every request is a line of JSON in LOG: method,
status, bytes, time and the fields that were sent, without the token. It takes files of at most "upload" bytes and
gives out "download" bytes (POST /_limits). Faults are given as JSON by POST /_faults, a list of
  {"method": "sendVideo", "name": "part-002", "times": 2, "do": ACTION}
where all but "do" may be left out; "name" is a part of the sent file's name. ACTION is
  429:SECONDS   too many requests, as the body says        STATUS      answer with that error, no JSON
  refuse:TEXT   200 with ok:false, code 400 and TEXT       garbage     200 with what is no JSON
  moved         the group is a supergroup now, -200        reset       close at once
  reset_mid     close in mid-body                          lost        carry it out, then close
  hang          read nothing, answer nothing               hang_after  read it all, answer nothing
  echo          401 whose text repeats the address         slow:S      wait, then carry it out
  cut           close in mid-file (of a download)
GET /_messages tells what is in the chat: message id, file name, size, SHA-256, caption, method, fields, how often. GET /_file/ID
is a message's file; POST /_old makes all messages older than 48 hours; POST /_local names files on the disk, as a server
with --local does.
"""

import email.parser
import email.policy
import hashlib
import http.server
import json
import os
import sys
import threading
import time

import faulty_http

port, log_path, token_path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(token_path, encoding="utf-8") as token_file:
    TOKEN = token_file.read().strip()
lock = threading.Lock()
messages, faults = {}, []
state = {"next": 1, "upload": 50_000_000, "download": 20_971_520, "local": "", "chat": ("@test", "-100"), "busy": 0,
         "most_busy": 0}
log = open(log_path, "a", encoding="utf-8")


def take_fault(method, name):
    with lock:
        for fault in list(faults):
            if fault.get("method", method) != method or fault.get("name", "") not in name:
                continue
            if "times" in fault:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    faults.remove(fault)
            return fault["do"]
    return ""


def form_of(content_type, body):
    """The fields of multipart/form-data, read by Python's mail parser."""
    text = b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    fields, files = {}, {}
    for part in email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text).iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True) or b""
        if part.get_filename() is None:
            fields[name] = data.decode()
        else:
            files[name] = (part.get_filename(), part.get_content_type(), data)
    return fields, files


class Handler(faulty_http.Faulty, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 300
    status = 0

    def log_message(self, *args):
        pass

    def reply(self, status, body, content_type="application/json"):
        self.status = status
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, result):
        self.reply(200, json.dumps({"ok": True, "result": result}).encode())

    def refuse(self, status, text, http_status=None, **parameters):
        body = {"ok": False, "error_code": status, "description": text}
        if parameters:
            body["parameters"] = parameters
        self.reply(http_status or status, json.dumps(body).encode())

    def control(self, path, body):
        if path == "/_faults":
            faults[:] = json.loads(body)
        elif path == "/_limits":
            state.update(json.loads(body))
        elif path == "/_local":
            state["local"] = json.loads(body)
        elif path == "/_old":
            for message in messages.values():
                message["old"] = True
        elif path.startswith("/_file/"):
            return self.reply(200, messages[int(path[7:])]["data"], "application/octet-stream")
        told = [{k: v for k, v in m.items() if k != "data"} for m in messages.values()]
        return self.reply(200, json.dumps({"messages": told, "most_busy": state["most_busy"]}).encode())

    def handle_one(self):
        size = int(self.headers.get("Content-Length") or 0)
        if self.path.startswith("/_"):
            return self.control(self.path, self.rfile.read(size))
        where, _, rest = self.path.lstrip("/").partition("/")
        if where == "file":
            return self.give(rest)
        if where != "bot" + TOKEN:
            self.rfile.read(size)
            return self.refuse(401, "Unauthorized")
        method = rest.split("?")[0]
        with lock:
            state["busy"] += method.startswith("send")
            state["most_busy"] = max(state["most_busy"], state["busy"])
        try:
            self.method(method, size)
        finally:
            with lock:
                state["busy"] -= method.startswith("send")

    def method(self, method, size):
        # What decides before the body is read can't know the file's name.
        fault = take_fault(method, "") if not any(f.get("name") for f in faults) else ""
        fields, files, name = {}, {}, ""
        try:
            if fault == "hang":
                return self.hang()
            if fault == "reset":
                return self.drop()
            if fault == "reset_mid":
                self.rfile.read(size // 2)
                return self.drop()
            body = self.rfile.read(size)
            kind = self.headers.get("Content-Type", "")
            if kind.startswith("multipart/form-data"):
                fields, files = form_of(kind, body)
                name = next(iter(files.values()))[0] if files else ""
            else:
                fields = json.loads(body or b"{}")
            fault = fault or take_fault(method, name)
            self.act(method, fields, files, fault, size)
        finally:
            with lock:
                log.write(json.dumps({"method": method, "status": self.status, "bytes": size, "name": name, "fault": fault,
                                      "fields": fields, "time": time.time()}) + "\n")
                log.flush()

    def act(self, method, fields, files, fault, size):
        if fault == "hang_after":
            return self.hang()
        if fault.startswith("429"):
            seconds = int(fault.partition(":")[2])
            return self.refuse(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        if fault.startswith("refuse:"):
            return self.refuse(400, fault[7:], 200)
        if fault == "garbage":
            return self.reply(200, b'{"ok":tr')
        if fault == "moved":
            state["chat"] = ("-200",)
            return self.refuse(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-200)
        if fault == "echo":
            return self.refuse(401, "Unauthorized: " + self.path)
        if fault.isdigit():
            return self.reply(int(fault), b"<html>as the test wants it</html>", "text/html")
        if fault.startswith("slow:"):
            time.sleep(float(fault[5:]))
        if fault == "lost":
            real, self.wfile = self.wfile, open("/dev/null", "wb")
            self.perform(method, fields, files, size)
            self.wfile.close()
            self.wfile = real
            return self.drop()
        return self.perform(method, fields, files, size)

    def perform(self, method, fields, files, size):
        if method == "getFile":
            return self.get_file(fields)
        if str(fields.get("chat_id")) not in state["chat"] and method != "deleteMessage":
            return self.refuse(400, "Bad Request: chat not found")
        if method in ("sendVideo", "sendDocument"):
            if size > state["upload"]:
                return self.refuse(413, "Request Entity Too Large")
            kind = "video" if method == "sendVideo" else "document"
            if kind not in files:
                return self.refuse(400, "Bad Request: there is no " + kind + " in the request")
            name, content_type, data = files[kind]
            if not data:
                return self.refuse(400, "Bad Request: file must be non-empty")
            with lock:
                number = state["next"]
                state["next"] += 1
                messages[number] = {"id": number, "name": name, "size": len(data), "data": data, "method": method,
                                    "sha256": hashlib.sha256(data).hexdigest(), "caption": fields.get("caption", ""),
                                    "fields": fields, "content_type": content_type, "old": False}
            file = {"file_id": f"BQAC-{number}", "file_unique_id": f"u{number}", "file_size": len(data)}
            return self.answer({"message_id": number, "chat": {"id": -100, "type": "channel"}, "date": int(time.time()), kind: file})
        if method == "deleteMessage":
            number = int(fields["message_id"])
            if number not in messages:
                return self.refuse(400, "Bad Request: message to delete not found")
            if messages[number]["old"]:
                return self.refuse(400, "Bad Request: message can't be deleted for everyone")
            del messages[number]
            return self.answer(True)
        return self.refuse(404, "Not Found")

    def get_file(self, fields):
        number = int(fields.get("file_id", "BQAC-0").split("-")[1])
        if number not in messages:
            return self.refuse(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        data = messages[number]["data"]
        if len(data) > state["download"] and not state["local"]:
            return self.refuse(400, "Bad Request: file is too big")
        path = f"documents/file_{number}.bin"
        if state["local"]:
            path = os.path.join(state["local"], TOKEN.replace(":", "~"), path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        return self.answer({"file_id": fields["file_id"], "file_unique_id": "u", "file_size": len(data), "file_path": path})

    def give(self, rest):
        bot, _, path = rest.partition("/")
        if bot != "bot" + TOKEN:
            return self.refuse(401, "Unauthorized")
        fault = take_fault("file", path)
        number = int(path.split("_")[1].split(".")[0])
        data = messages[number]["data"]
        if fault.isdigit():
            return self.reply(int(fault), b"")
        if fault == "cut":
            self.send_response_only(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            return self.drop()
        return self.reply(200, data, "application/octet-stream")

    do_GET = do_POST = handle_one


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


Server(("127.0.0.1", port), Handler).serve_forever()
