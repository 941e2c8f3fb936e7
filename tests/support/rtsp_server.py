#!/usr/bin/python3
"""rtsp_server.py PORT FILE.mp4: a camera. Serves the file's H.264 and AAC from its beginning, in real time, to each
who asks for rtsp://127.0.0.1:PORT/cam; "ready" goes to standard output. GStreamer's RTSP server, by Debian's Python.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

LAUNCH = ("( filesrc location={} ! qtdemux name=file file.video_0 ! queue ! h264parse config-interval=-1 ! "
          "rtph264pay name=pay0 pt=96 file.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )")


def main():
    port, path = sys.argv[1:3]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH.format(path))
    server.get_mount_points().add_factory("/cam", factory)
    if server.attach(None) == 0:
        sys.exit(f"cannot listen on port {port}")
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
