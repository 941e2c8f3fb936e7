#!/usr/bin/env python3
"""s3_fake.py PORT LOG: an S3 server in memory that verifies signatures and fails on request.

It is independent of the code under test. Bucket "test", key ID "fake", secret "fake-secret". Every request is a line of
JSON in LOG: method, path, query, status, bytes, concurrent. Faults are given as JSON by POST /_faults, a list of:
  {"method": "PUT", "query": "partNumber=3", "path": "x", "times": 2, "seconds": 5, "do": ACTION}
where all but "do" may be left out; `times` and `seconds` bound it. ACTION is
  STATUS or STATUS:CODE   answer with that error            reset      close at once
  reset_mid               close in mid-body                 lost       carry it out, then close
  error200                200 with <Error> in the body      hang       read nothing, answer nothing
  hang_head               stop within the answer's head     hang_after read it all, answer nothing
  slow:SECONDS            wait, then carry it out; a range  corrupt    damage the body that is stored
                          such as 0-0.5 is a random wait
  expired                 400 ExpiredToken                  cut        close in mid-answer
  unconditional           ignore If-None-Match
POST /_clock with seconds moves the server's clock; GET /_objects lists keys with size and SHA-256; POST /_forget drops all. GET /_state tells of unfinished uploads, and what an
HLS playlist in the store has ever listed that was not there.
"""

import calendar
import email.utils
import hashlib
import hmac
import http.server
import json
import posixpath
import random
import re
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import faulty_http

SECRETS = {"fake": "fake-secret"}
lock = threading.Lock()
objects, uploads, faults, dangling = {}, {}, [], set()
state = {"clock": 0.0, "uploads": 0, "busy": 0}


def note_dangling():
    """What the playlists in the store list and the store has not."""
    for key, found in objects.items():
        if not key.endswith(".m3u8"):
            continue
        text = found["body"].decode()
        listed = [line for line in text.splitlines() if line and not line.startswith("#")]
        for uri in listed + re.findall('#EXT-X-MAP:URI="([^"]*)"', text):
            path = posixpath.join(posixpath.dirname(key), uri)
            if path not in objects and "#EXT-X-GAP" not in text:
                dangling.add(path)


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def now():
    return time.time() + state["clock"]


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def quote(text):
    return urllib.parse.quote(text, safe="-._~")


def signature(secret, scope, stamp, canonical):
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = mac(key, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return mac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").hex()


def take_fault(method, path, query):
    """The first fault that fits this request."""
    with lock:
        for fault in list(faults):
            fault.setdefault("until", time.time() + fault["seconds"] if "seconds" in fault else None)
            if fault["until"] and time.time() > fault["until"]:
                faults.remove(fault)
                continue
            if fault.get("method", method) != method or fault.get("query", "") not in query \
                    or fault.get("path", "") not in path:
                continue
            if "times" in fault:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    faults.remove(fault)
            return fault["do"]
    return None


class Handler(faulty_http.Faulty, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 300

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", headers=None):
        self.status = status
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(now(), usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            if name != "Content-Length" or self.command == "HEAD":
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code):
        self.reply(status, f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode())

    def xml(self, text, headers=None):
        self.reply(200, ('<?xml version="1.0" encoding="UTF-8"?>' + text).encode(), headers)

    def verify(self, path, query, body):
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        given = dict(pairs)
        if "X-Amz-Signature" in given:
            key_id, scope = given["X-Amz-Credential"].split("/", 1)
            stamp, signed, wanted = given["X-Amz-Date"], given["X-Amz-SignedHeaders"], given["X-Amz-Signature"]
            pairs = [p for p in pairs if p[0] != "X-Amz-Signature"]
            payload, life = "UNSIGNED-PAYLOAD", int(given["X-Amz-Expires"])
        else:
            text = self.headers.get("Authorization", "")
            if not text.startswith("AWS4-HMAC-SHA256 "):
                raise Refused(403, "AccessDenied")
            fields = dict(f.strip().split("=", 1) for f in text.split(" ", 1)[1].split(","))
            key_id, scope = fields["Credential"].split("/", 1)
            stamp, signed, wanted = self.headers["x-amz-date"], fields["SignedHeaders"], fields["Signature"]
            payload, life = self.headers["x-amz-content-sha256"], 900
            for name in self.headers:
                if (name.lower().startswith("x-amz-") or name.lower() == "host") and name.lower() not in signed.split(";"):
                    raise Refused(403, "AccessDenied")
        if key_id not in SECRETS:
            raise Refused(403, "InvalidAccessKeyId")
        made = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
        if now() - made > life or made - now() > 900:
            raise Refused(403, "RequestTimeTooSkewed")
        canonical_query = "&".join(sorted(f"{quote(n)}={quote(v)}" for n, v in pairs))
        head = "".join(f"{n}:{' '.join((self.headers.get(n) or '').split())}\n" for n in signed.split(";"))
        canonical = "\n".join([self.command, path, canonical_query, head, signed, payload])
        if signature(SECRETS[key_id], scope, stamp, canonical) != wanted:
            raise Refused(403, "SignatureDoesNotMatch")
        if payload != "UNSIGNED-PAYLOAD" and hashlib.sha256(body).hexdigest() != payload:
            raise Refused(400, "XAmzContentSHA256Mismatch")

    def handle_one(self):
        self.status = 0
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        if path.startswith("/_"):
            return self.control(path, json.loads(self.rfile.read(size) or b"null"))
        with lock:
            state["busy"] += 1
            busy = state["busy"]
        body = b""
        try:
            fault = take_fault(self.command, path, query)
            if fault in ("hang", "reset"):
                return self.hang() if fault == "hang" else self.drop()
            if fault == "reset_mid":
                self.rfile.read(size // 2)
                return self.drop()
            body = self.rfile.read(size)
            self.act(path, query, body, fault)
        except (OSError, ValueError):
            self.close_connection = True
        finally:
            with lock:
                state["busy"] -= 1
                log.write(json.dumps({"method": self.command, "path": path, "query": query, "status": self.status,
                                      "bytes": len(body), "concurrent": busy, "time": time.time()}) + "\n")
                log.flush()

    def act(self, path, query, body, fault):
        if fault == "hang_after":
            return self.hang()
        if fault == "hang_head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-")
            self.wfile.flush()
            return self.hang()
        if fault == "error200":
            return self.xml("<Error><Code>InternalError</Code></Error>")
        if fault == "expired":
            return self.error(400, "ExpiredToken")
        if fault and fault[0].isdigit():
            status, _, code = fault.partition(":")
            return self.error(int(status), code or "SlowDown")
        if fault and fault.startswith("slow:"):
            least, _, most = fault[5:].partition("-")
            time.sleep(random.uniform(float(least), float(most or least)))
        try:
            self.verify(path, query, body)
            if fault == "corrupt":
                body = bytes([body[0] ^ 1]) + body[1:]
            if fault == "lost":
                self.wfile.flush()
                real, self.wfile = self.wfile, open("/dev/null", "wb")
                self.perform(path, query, body, fault)
                self.wfile.close()
                self.wfile = real
                return self.drop()
            self.perform(path, query, body, fault)
        except Refused as refused:
            self.error(refused.status, refused.code)

    def perform(self, path, query, body, fault):
        key = urllib.parse.unquote(path.split("/", 2)[2]) if path.count("/") > 1 else ""
        args = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if not path.startswith("/test"):
            raise Refused(404, "NoSuchBucket")
        with lock:
            if not key:
                self.bucket(args, body)
            elif "uploadId" in args or "uploads" in args:
                self.multipart(key, args, body, fault)
            else:
                self.object(key, body, fault)

    def bucket(self, args, body):
        if "lifecycle" in args:
            state["lifecycle"] = body.decode()
            return self.reply(200)
        if "delete" in args:
            for node in ET.fromstring(body).iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key"):
                objects.pop(node.text, None)
            note_dangling()
            return self.xml("<DeleteResult/>")
        if "uploads" in args:
            rows = "".join(f"<Upload><Key>{escape(u['key'])}</Key><UploadId>{i}</UploadId><Initiated>{u['begun']}"
                           "</Initiated></Upload>" for i, u in uploads.items() if u["key"].startswith(args.get("prefix", "")))
            return self.xml(f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>")
        prefix, after = args.get("prefix", ""), args.get("continuation-token", "")
        keys, folders = [], set()
        for key in sorted(k for k in objects if k.startswith(prefix) and k > after):
            rest = key[len(prefix):]
            if "delimiter" in args and "/" in rest:
                folders.add(prefix + rest.split("/")[0] + "/")
            else:
                keys.append(key)
        rows = "".join(f"<Contents><Key>{escape(k)}</Key><Size>{len(objects[k]['body'])}</Size><ETag>"
                       f"{escape(objects[k]['etag'])}</ETag><LastModified>{objects[k]['time']}</LastModified></Contents>"
                       for k in keys[:1000])
        rows += "".join(f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in sorted(folders))
        more = f"<NextContinuationToken>{escape(keys[999])}</NextContinuationToken>" if len(keys) > 1000 else ""
        self.xml(f"<ListBucketResult>{rows}<IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}</ListBucketResult>")

    def store(self, key, body, headers, etag):
        objects[key] = {"body": body, "headers": headers, "etag": etag,
                        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now())), "at": now()}
        if key.endswith(".m3u8"):
            note_dangling()

    def described(self):
        return {n: v for n, v in self.headers.items()
                if n.lower() in ("content-type", "cache-control") or n.lower().startswith("x-amz-meta-")}

    def refuse_if_there(self, key, fault):
        if self.headers.get("If-None-Match") == "*" and key in objects and fault != "unconditional":
            raise Refused(412, "PreconditionFailed")

    def multipart(self, key, args, body, fault):
        if "uploads" in args:
            state["uploads"] += 1
            upload = f"upload-{state['uploads']}"
            uploads[upload] = {"key": key, "parts": {}, "headers": self.described(),
                               "begun": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now()))}
            return self.xml(f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>")
        upload = uploads.get(args["uploadId"])
        if not upload or upload["key"] != key:
            raise Refused(404, "NoSuchUpload")
        if self.command == "PUT":
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            upload["parts"][int(args["partNumber"])] = (etag, body)
            return self.reply(200, b"", {"ETag": etag})
        if self.command == "DELETE":
            del uploads[args["uploadId"]]
            return self.reply(204)
        if self.command == "GET":
            rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{escape(e)}</ETag><Size>{len(b)}</Size></Part>"
                           for n, (e, b) in sorted(upload["parts"].items()))
            return self.xml(f"<ListPartsResult>{rows}</ListPartsResult>")
        space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
        whole, last = b"", 0
        for part in ET.fromstring(body):
            number, etag = int(part.find(space + "PartNumber").text), part.find(space + "ETag").text
            if number <= last or upload["parts"].get(number, ("",))[0] != etag:
                raise Refused(400, "InvalidPart")
            last = number
            whole += upload["parts"][number][1]
        self.refuse_if_there(key, fault)
        etag = f'"{hashlib.md5(whole).hexdigest()}-{last}"'
        self.store(key, whole, upload["headers"], etag)
        del uploads[args["uploadId"]]
        self.xml(f"<CompleteMultipartUploadResult><ETag>{escape(etag)}</ETag></CompleteMultipartUploadResult>")

    def object(self, key, body, fault):
        if self.command == "PUT":
            self.refuse_if_there(key, fault)
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            self.store(key, body, self.described(), etag)
            return self.reply(200, b"", {"ETag": etag})
        if self.command == "DELETE":
            objects.pop(key, None)
            note_dangling()
            return self.reply(204)
        if key not in objects:
            raise Refused(404, "NoSuchKey")
        found = objects[key]
        data, status = found["body"], 200
        headers = dict(found["headers"], ETag=found["etag"],
                       **{"Last-Modified": email.utils.formatdate(found["at"], usegmt=True)})
        if self.headers.get("If-Match", found["etag"]) != found["etag"]:
            raise Refused(412, "PreconditionFailed")
        if self.headers.get("Range"):
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            if int(first) >= len(data):
                raise Refused(416, "InvalidRange")
            data, status = data[int(first):int(last) + 1 if last else None], 206
        if self.command == "HEAD":
            headers["Content-Length"] = str(len(data))
            self.status = 200
            self.send_response_only(200)
            for name, value in headers.items():
                self.send_header(name, value)
            return self.end_headers()
        if fault == "cut":
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", found["etag"])
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            return self.drop()
        return self.reply(status, data, headers)

    def control(self, path, sent):
        with lock:
            if path == "/_faults":
                faults[:] = sent
            elif path == "/_clock":
                state["clock"] = sent
            elif path == "/_forget":
                objects.clear()
        answer = {"uploads": list(uploads), "lifecycle": state.get("lifecycle"), "dangling": sorted(dangling)}
        if path == "/_objects":
            answer = {k: {"size": len(o["body"]), "sha256": hashlib.sha256(o["body"]).hexdigest(), "at": o["at"],
                          **{n.lower(): v for n, v in o["headers"].items()}} for k, o in sorted(objects.items())}
        self.reply(200, json.dumps(answer).encode())

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass


log = open(sys.argv[2], "a", encoding="utf-8")
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
