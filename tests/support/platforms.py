#!/usr/bin/env python3
"""platforms.py DIR [EXPIRES_IN]: YouTube, Twitch, Facebook and Cloudflare on one loopback port, as their
documents describe them, for as long as a test runs. Prints the root URL. Every token and stream key holds
$CANARY. DIR/requests gets a line "METHOD path status" per request, and DIR/faults may hold JSON:
[{"path": "/oauth2/token", "times": 2, "status": 500, "body": "..."}]; status 0 resets the connection. A
file DIR/active makes YouTube's stream active, DIR/expires_in holds the life of tokens made from then on.
"""

import base64
import hashlib
import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

FOLDER = sys.argv[1]
EXPIRES_IN = int(sys.argv[2]) if len(sys.argv) > 2 else 3600
CANARY = os.environ.get("CANARY", "canary")
LOCK = threading.Lock()


def expires_in():
    try:
        with open(os.path.join(FOLDER, "expires_in")) as file:
            return int(file.read())
    except OSError:
        return EXPIRES_IN


class World:
    """What the platforms remember. Refresh tokens of Twitch count once; a second use ends the family."""

    def __init__(self):
        self.number = 0
        self.access, self.refresh, self.burnt = set(), {}, set()
        self.polls, self.codes = 0, {}
        self.streams, self.broadcasts, self.videos, self.inputs = [], {}, {}, {}
        self.title = None

    def next(self, word):
        self.number += 1
        return f"{CANARY}-{word}-{self.number}"

    def tokens(self, family, rotate):
        access = self.next("access")
        self.access.add(access)
        answer = {"access_token": access, "expires_in": expires_in(), "token_type": "bearer"}
        if rotate:
            answer["refresh_token"] = self.next("refresh")
            self.refresh[answer["refresh_token"]] = family
        return answer


WORLD = World()


def google_error(status, reason):
    return status, {"error": {"code": status, "message": reason, "errors": [{"reason": reason}]}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def fault(self, path):
        try:
            with open(os.path.join(FOLDER, "faults")) as file:
                faults = json.load(file)
        except (OSError, ValueError):
            return None
        for fault in faults:
            if path.startswith(fault["path"]) and fault["times"] > 0:
                fault["times"] -= 1
                with open(os.path.join(FOLDER, "faults"), "w") as file:
                    json.dump(faults, file)
                return fault
        return None

    def answer(self):
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        with LOCK:
            fault = self.fault(url.path)
            if fault:
                status, answer = fault["status"], fault.get("body", "")
            else:
                self.query = dict(parse_qsl(url.query))
                is_json = "json" in (self.headers.get("Content-Type") or "")
                self.form = {} if is_json else {k: v[0] for k, v in parse_qs(body).items()}
                self.json = json.loads(body) if is_json and body else {}
                status, answer = self.route(self.command, url.path)
            with open(os.path.join(FOLDER, "requests"), "a") as log:
                log.write(f"{self.command} {url.path} {status}\n")
        if status == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", answer)
            answer = ""
        data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def route(self, method, path):
        for prefix, handler in (
                ("/device/code", self.google_device), ("/token", self.google_token),
                ("/o/oauth2/v2/auth", self.google_browser), ("/revoke", self.revoke),
                ("/oauth2/device", self.twitch_device), ("/oauth2/token", self.twitch_token),
                ("/oauth2/revoke", self.revoke), ("/ingests", self.twitch_ingests),
                ("/v25.0/device", self.facebook_device), ("/v25.0/oauth", self.facebook_exchange)):
            if path.startswith(prefix):
                return handler(path)
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if bearer not in WORLD.access and not path.startswith("/client/v4"):
            return 401, {"error": {"code": 401, "message": "Invalid Credentials"}}
        for prefix, handler in (("/youtube/v3", self.youtube), ("/helix", self.twitch),
                                ("/v25.0", self.facebook), ("/client/v4", self.cloudflare)):
            if path.startswith(prefix):
                return handler(method, path.removeprefix(prefix))
        return 404, {}

    # Google
    def google_device(self, _):
        if not self.form.get("client_id") or "youtube" not in self.form.get("scope", ""):
            return 400, {"error": "invalid_request"}
        return 200, {"device_code": WORLD.next("device"), "user_code": "ABCD-EFGH", "interval": 0,
                     "verification_url": "https://www.google.com/device", "expires_in": 1800}

    def google_token(self, _):
        grant = self.form.get("grant_type")
        if not self.form.get("client_secret"):
            return 401, {"error": "invalid_client"}
        if grant == "refresh_token":
            if self.form["refresh_token"] not in WORLD.refresh:
                return 400, {"error": "invalid_grant", "error_description": "Token has been revoked."}
            return 200, WORLD.tokens("google", False)
        if grant == "authorization_code":
            challenge, redirect = WORLD.codes.pop(self.form["code"], (None, None))
            digest = hashlib.sha256(self.form["code_verifier"].encode()).digest()
            made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if made != challenge or redirect != self.form["redirect_uri"]:
                return 400, {"error": "invalid_grant"}
            return 200, WORLD.tokens("google", True)
        WORLD.polls += 1
        if WORLD.polls < 3:
            return 428, {"error": "authorization_pending", "error_description": "Precondition Required"}
        return 200, WORLD.tokens("google", True)

    def google_browser(self, _):
        q = self.query
        if q.get("code_challenge_method") != "S256" or not q["redirect_uri"].startswith("http://127.0.0.1:"):
            return 400, {"error": "invalid_request"}
        code = WORLD.next("code")
        WORLD.codes[code] = (q["code_challenge"], q["redirect_uri"])
        return 302, q["redirect_uri"] + "?" + urlencode({"state": q["state"], "code": code})

    def revoke(self, _):
        token = self.form.get("token")
        WORLD.access.discard(token)
        WORLD.refresh.pop(token, None)
        return 200, {}

    def youtube(self, method, path):
        if method == "POST" and path == "/liveBroadcasts":
            if not self.json["snippet"]["title"]:
                return google_error(400, "titleRequired")
            key = f"broadcast{len(WORLD.broadcasts) + 1}"
            WORLD.broadcasts[key] = {"id": key, "status": {"lifeCycleStatus": "ready"}, "bound": None,
                                     "sent": self.json}
            return 200, WORLD.broadcasts[key]
        if path == "/liveStreams":
            if method == "POST":
                host = "rtmps://a.rtmps.youtube.com:443/live2"
                WORLD.streams.append({
                    "id": f"stream{len(WORLD.streams) + 1}", "snippet": self.json["snippet"],
                    "cdn": {"ingestionInfo": {
                        "streamName": f"{CANARY}-yt-key", "rtmpsIngestionAddress": host,
                        "rtmpsBackupIngestionAddress": host + "?backup=1"}}})
                return 200, WORLD.streams[-1]
            if self.query.get("mine"):
                return 200, {"items": WORLD.streams}
            active = os.path.exists(os.path.join(FOLDER, "active"))
            return 200, {"items": [{"id": s["id"], "status": {
                "streamStatus": "active" if active else "ready",
                "healthStatus": {"status": "good" if active else "noData"}}}
                for s in WORLD.streams if s["id"] == self.query["id"]]}
        broadcast = WORLD.broadcasts.get(self.query.get("id"))
        if path == "/liveBroadcasts/bind":
            broadcast["bound"] = self.query["streamId"]
            return 200, {"id": broadcast["id"]}
        if path == "/liveBroadcasts" and method == "GET":
            return 200, {"items": [broadcast] if broadcast else []}
        if path == "/liveBroadcasts/transition":
            if not broadcast["bound"] or not os.path.exists(os.path.join(FOLDER, "active")):
                return google_error(403, "errorStreamInactive")
            if broadcast["status"]["lifeCycleStatus"] == self.query["broadcastStatus"]:
                return google_error(403, "redundantTransition")
            broadcast["status"]["lifeCycleStatus"] = self.query["broadcastStatus"]
            return 200, broadcast
        return 404, {}

    # Twitch
    def twitch_device(self, _):
        if "channel:read:stream_key" not in self.form.get("scopes", ""):
            return 400, {"status": 400, "message": "missing scopes"}
        return 200, {"device_code": WORLD.next("device"), "user_code": "WXYZ", "interval": 0,
                     "verification_uri": "https://www.twitch.tv/activate?device-code=WXYZ",
                     "expires_in": 1800}

    def twitch_token(self, _):
        if self.form.get("grant_type") != "refresh_token":
            WORLD.polls += 1
            if WORLD.polls < 2:
                return 400, {"status": 400, "message": "authorization_pending"}
            return 200, WORLD.tokens("twitch", True)
        token = self.form["refresh_token"]
        if token in WORLD.burnt:  # reuse: the whole family is over
            WORLD.refresh.clear()
        if WORLD.refresh.pop(token, None) is None:
            return 400, {"status": 400, "error": "Bad Request", "message": "Invalid refresh token"}
        WORLD.burnt.add(token)
        return 200, WORLD.tokens("twitch", True)

    def twitch_ingests(self, _):
        return 200, {"ingests": [{"name": "near", "url_template": "rtmp://near.example/app/{stream_key}",
                                  "url_template_secure": "rtmps://near.example/app/{stream_key}"}]}

    def twitch(self, method, path):
        if path == "/users":
            return 200, {"data": [{"id": "42", "login": "anna"}]}
        if path == "/channels" and method == "PATCH":
            WORLD.title = self.json["title"]
            return 204, ""
        if path == "/streams/key":
            return 200, {"data": [{"stream_key": f"live_42_{CANARY}?x=1"}]}
        if path == "/streams":
            live = os.path.exists(os.path.join(FOLDER, "active"))
            return 200, {"data": [{"type": "live", "title": WORLD.title,
                                   "started_at": "2026-11-20T10:00:00Z"}] if live else []}
        return 404, {}

    # Facebook
    def facebook_device(self, path):
        if "|" not in self.form.get("access_token", ""):
            return 400, {"error": {"message": "Invalid OAuth access token.", "code": 190}}
        if path.endswith("/login"):
            return 200, {"code": WORLD.next("device"), "user_code": "FBFB", "interval": 0,
                         "verification_uri": "https://www.facebook.com/device", "expires_in": 420}
        WORLD.polls += 1
        if WORLD.polls < 2:
            return 400, {"error": {"message": "pending", "code": 31, "error_subcode": 1349174}}
        return 200, WORLD.tokens("facebook", False)

    def facebook_exchange(self, _):
        if self.form.get("client_secret") != "appsecret" or self.form["fb_exchange_token"] not in WORLD.access:
            return 400, {"error": {"message": "Error validating client secret.", "code": 1}}
        answer = WORLD.tokens("facebook", False)
        answer["expires_in"] = 5184000
        return 200, answer

    def facebook(self, method, path):
        if path == "/me/permissions" and method == "DELETE":
            WORLD.access.clear()
            return 200, {"success": True}
        if path.endswith("/live_videos"):
            if self.json.get("status") != "UNPUBLISHED":
                return 400, {"error": {"message": "bad status", "code": 100}}
            WORLD.videos["77"] = "UNPUBLISHED"
            return 200, {"id": "77", "stream_url": "rtmp://x/rtmp/k",
                         "secure_stream_url": f"rtmps://live-api-s.facebook.com:443/rtmp/FB-77-0-{CANARY}?s_bl=1&s_sc=2"}
        if path == "/77" and method == "GET":
            return 200, {"status": WORLD.videos["77"], "live_views": 3, "id": "77"}
        if path == "/77":
            WORLD.videos["77"] = "VOD" if self.json.get("end_live_video") else "LIVE"
            return 200, {"id": "77"}
        return 404, {"error": {"message": "Unsupported request", "code": 100}}

    # Cloudflare
    def cloudflare(self, method, path):
        if self.headers.get("Authorization") != f"Bearer {CANARY}-cf-token":
            return 403, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}],
                         "result": None}
        done = lambda result: (200, {"success": True, "errors": [], "messages": [], "result": result})
        if not path.startswith("/accounts/acct/stream/live_inputs"):
            return 404, {"success": False, "errors": [{"code": 7003, "message": "No route"}]}
        if method == "POST":
            uid = f"{len(WORLD.inputs) + 1:032x}"
            WORLD.inputs[uid] = {"uid": uid, "enabled": True, "meta": self.json["meta"]}
            return done({**WORLD.inputs[uid],
                         "rtmps": {"url": "rtmps://live.cloudflare.com:443/live/", "streamKey": f"{CANARY}-cf-key"},
                         "srt": {"url": "srt://live.cloudflare.com:778", "streamId": uid,
                                 "passphrase": f"{CANARY}-cf-srt"},
                         "webRTC": {"url": f"https://customer.example/{CANARY}-cf-whip/webRTC/publish"},
                         "webRTCPlayback": {"url": f"https://customer.example/{uid}/webRTC/play"}})
        uid = path.rsplit("/", 1)[1]
        if method == "PUT":
            WORLD.inputs[uid].update(self.json)
        return done({**WORLD.inputs[uid], "status": {"current": {"state": "connected"}}})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.request_queue_size = 64
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
