#!/usr/bin/python3
"""whip_peer.py URL [--key-file FILE] [--clip FILE] [--codec h264|vp8] [--seconds N] [--leave HOW]:
publishes a clip by WHIP with GStreamer's webrtcbin, in real time, and prints what happens as lines of
JSON: the answer to the offer, the states of the connection, the end. It offers no candidates, as OBS does.

--leave says how it goes after --seconds: delete (the session, the default), close (the connection
alone) or stay. --size WxH@SECONDS changes the picture's size then. Debian's Python, as its GStreamer is
for that one.
"""

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "h264": "x264enc name=encoder tune=zerolatency speed-preset=ultrafast key-int-max=600 bitrate=1200 ! "
            "video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 "
            "aggregate-mode=zero-latency mtu=1200 ! application/x-rtp,media=video,encoding-name=H264,payload=96",
    "b-frames": "x264enc name=encoder speed-preset=ultrafast bframes=2 b-adapt=false key-int-max=60 bitrate=1200 ! "
                "video/x-h264,profile=main ! rtph264pay config-interval=-1 mtu=1200 ! "
                "application/x-rtp,media=video,encoding-name=H264,payload=96",
    "vp8": "vp8enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist=600 target-bitrate=1200000 ! "
           "rtpvp8pay mtu=1200 ! application/x-rtp,media=video,encoding-name=VP8,payload=96",
}


def tell(**values):
    print(json.dumps(values), flush=True)


class Peer:
    def __init__(self, options):
        self.options = options
        self.loop = GLib.MainLoop()
        self.key = open(options.key_file).read().strip() if options.key_file else options.key
        self.session = None
        self.code = 0
        self.pipeline = Gst.parse_launch(
            f"webrtcbin name=w bundle-policy=max-bundle filesrc location={options.clip} ! decodebin name=d "
            "d. ! queue ! videoconvert ! videoscale ! capsfilter name=size ! identity sync=true ! "
            f"{ENCODERS[options.codec]} ! w. "
            "d. ! queue ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! identity sync=true ! "
            "opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! w.")
        self.webrtc = self.pipeline.get_by_name("w")
        # Else reports say when packets left instead of when they were captured, and a busy encoder spoils the sync.
        self.webrtc.get_by_name("rtpbin").set_property("rtcp-sync-send-time", False)
        for index in range(2):  # made with the pads
            transceiver = self.webrtc.emit("get-transceiver", index)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            transceiver.set_property("do-nack", True)
        self.webrtc.connect("on-negotiation-needed", self.on_negotiation)
        self.webrtc.connect("notify::connection-state", self.on_connection)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self.fail(message.parse_error()[0].message))
        self.offered = False

    def fail(self, text):
        tell(error=text)
        self.code = 1
        self.loop.quit()

    def on_negotiation(self, _):
        if self.offered:
            return
        self.offered = True

        def offer(promise):
            reply = promise.get_reply()  # owns the description
            done = Gst.Promise.new_with_change_func(lambda _: GLib.idle_add(self.post))
            self.webrtc.emit("set-local-description", reply.get_value("offer"), done)

        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offer))

    def on_connection(self, *_):
        tell(connection=self.webrtc.get_property("connection-state").value_nick)

    def request(self, method, url, body=None, headers=None):
        headers = dict(headers or {})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, dict(response.headers), response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()

    def post(self):
        sdp = self.webrtc.get_property("local-description").sdp.as_text()
        status, headers, body = self.request("POST", self.options.url, sdp.encode(), {"Content-Type": "application/sdp"})
        tell(status=status, location=headers.get("Location"), etag=headers.get("ETag"),
             problem=body if status != 201 else None)
        if status != 201:
            return self.fail("refused")
        self.session = urllib.parse.urljoin(self.options.url, headers["Location"])
        _, message = GstSdp.SDPMessage.new_from_text(body)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.webrtc.emit("set-remote-description", answer, Gst.Promise.new())
        if self.options.leave != "stay":
            GLib.timeout_add(int(self.options.seconds * 1000), self.leave)
        if self.options.size:
            size, at = self.options.size.split("@")
            GLib.timeout_add(int(float(at) * 1000), self.resize, size)
        return False

    def resize(self, size):
        width, height = size.split("x")
        caps = Gst.Caps.from_string(f"video/x-raw,width={width},height={height}")
        self.pipeline.get_by_name("size").set_property("caps", caps)
        return False

    def leave(self):
        if self.options.leave == "delete" and self.session:
            status, _, _ = self.request("DELETE", self.session)
            tell(deleted=status)
        self.loop.quit()
        return False

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        tell(ended=True)
        return self.code


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key", default="")
    parser.add_argument("--key-file")
    parser.add_argument("--clip", required=True)
    parser.add_argument("--codec", choices=ENCODERS, default="h264")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--size")
    parser.add_argument("--leave", choices=["delete", "close", "stay"], default="delete")
    options = parser.parse_args()
    Gst.init(None)
    sys.exit(Peer(options).run())


main()
