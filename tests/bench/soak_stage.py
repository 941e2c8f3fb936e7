"""What a soak plays on: the stream under stream-ctl up, its publisher, the four that take it, and what can be
seen of them from outside. Used by soak.py."""

import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import m3u8

PROGRAMS = ["ctl", "ingest", "ladder", "record", "simulcast"]
FRESH = 12.0  # seconds that the newest segment may be old: two and the one that is being made
AGAIN = 1.0  # until what ended is started again
TIDY = 60.0  # from one look for recorded files that are whole to the next
NGINX = ("load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; worker_processes 1; daemon off; master_process off;"
         " pid {dir}/nginx.pid; error_log {dir}/nginx.err warn; events {{ worker_connections 256; }}"
         " rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}")
STREAM = """\
name: soak
input: {{listen: "rtmp://127.0.0.1:{input}/live", open: true, size: 640x360, rate: 30, bit_rate: 1000k}}
ladder: {{output: hls/soak, rungs: [360p@600k, 180p@200k]}}
record: {{output: "{rec}"}}
destinations:
  nginx: rtmp://127.0.0.1:{nginx}/live/soak
  own: rtmp://127.0.0.1:{own}/live/own
  srt: "srt://127.0.0.1:{srt}?streamid=srt"
  ffmpeg: rtmp://127.0.0.1:{ffmpeg}/live/soak
"""


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Stage:
    def __init__(self, out):
        self.out = out
        self.rec = f"{out}/rec"  # where there is room for hours
        shutil.rmtree(self.rec, ignore_errors=True)
        self.dir = tempfile.mkdtemp(prefix="stream-soak-")
        self.env = dict(os.environ, STREAM_RUNTIME_DIR=f"{self.dir}/run", STREAM_STATE_DIR=f"{self.dir}/state")
        ports = {name: free_port() for name in ("input", "nginx", "own", "ffmpeg")}
        ports["srt"] = free_port(socket.SOCK_DGRAM)
        self.small_disk = self.new_disk("hls", "32m")
        self.full = False
        # Recordings get a disk that can be full, and are taken from it as an archive would.
        self.rec_disk = self.small_disk and self.new_disk("rec", "256m")
        self.rec_full = self.was_full = False
        self.tidied = time.monotonic()
        with open(f"{self.dir}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(NGINX.format(dir=self.dir, port=ports["nginx"]))
        with open(f"{self.dir}/soak.yaml", "w", encoding="utf-8") as file:
            file.write(STREAM.format(rec=self.rec_place(), **ports))
        at = "rtmp://127.0.0.1:{}/live".format
        self.commands = {
            "nginx": ["nginx", "-p", self.dir, "-c", f"{self.dir}/nginx.conf"],
            "own": ["stream-ingest", "-q", "--listen", at(ports["own"]), "--listen", f"srt://127.0.0.1:{ports['srt']}",
                    "--open", "own", "--open", "srt", "--on-conflict", "replace"],
            "ffmpeg": ["ffmpeg", "-nostdin", "-v", "error", "-listen", "1", "-i", at(ports["ffmpeg"]) + "/soak",
                       "-c", "copy", "-f", "null", "-"],
            "publisher": ["bash", "-c", "stream-ingest -q --test-pattern --realtime --size 640x360 --rate 30 "
                          f"--bit-rate 800k -o - | exec ffmpeg -nostdin -v error -i - -c copy -f flv {at(ports['input'])}/soak"],
            "ctl": ["stream-ctl", "up", f"{self.dir}/soak.yaml", "--events", f"{self.dir}/events"],
        }
        self.peers = ["nginx", "own", "ffmpeg"]
        self.running, self.wanted, self.ended = {}, set(), {}

    def new_disk(self, name, size):
        """A directory with a small file system of its own, if that is allowed."""
        os.makedirs(f"{self.dir}/{name}")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", f"{self.dir}/{name}"]
        return os.geteuid() == 0 and subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def rec_place(self):
        return f"{self.dir}/rec" if self.rec_disk else self.rec

    # --- what runs -----------------------------------------------------------------------------

    def begin(self, name):
        self.wanted.add(name)
        log = open(f"{self.out}/{name}.log", "a", encoding="utf-8")
        self.running[name] = subprocess.Popen(self.commands[name], env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                                              stdout=log, stderr=log, start_new_session=True)

    def end(self, name):
        self.wanted.discard(name)
        one = self.running.pop(name)
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()

    def begin_all(self):
        for name in (*self.peers, "ctl", "publisher"):
            self.begin(name)

    def tend(self):
        """What a service manager, an encoder and a platform do: they start again what ended."""
        now = time.monotonic()
        for name in list(self.wanted):
            if self.running[name].poll() is None:
                continue
            if now - self.ended.setdefault(name, now) >= AGAIN:
                del self.ended[name]
                if name != "ctl":  # its programs are of its session, and go on
                    try:
                        os.killpg(self.running[name].pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.begin(name)
        if self.full:
            self.fill_disk()
        if self.rec_disk and not self.rec_full and now - self.tidied >= TIDY:
            self.tidied = now
            self.take_recordings(12)
            self.ask("record", "record.split")  # taken next time

    def pids(self, tool):
        """Of the stream's programs, by their arguments and our runtime directory."""
        mark, found = f"STREAM_RUNTIME_DIR={self.dir}/run".encode(), []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                if words[0].rsplit(b"/", 1)[-1] != b"stream-" + tool.encode():
                    continue
                of_stream = words[1:2] == [b"up"] if tool == "ctl" else b"soak" in words
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if of_stream and mark in file.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass  # gone
        return found

    def signal(self, tool, number):
        for pid in self.pids(tool):
            os.kill(pid, number)

    def signal_peer(self, name, number):
        os.killpg(self.running[name].pid, number)

    def fill_disk(self):
        self.full = True
        try:
            with open(f"{self.dir}/hls/full", "ab") as file:
                while True:
                    file.write(bytes(65536))
                    file.flush()
        except OSError:
            pass

    def free_disk(self):
        self.full = False
        os.unlink(f"{self.dir}/hls/full")

    def fill_recordings(self):
        """No room beside what is there: the file system shrinks to it."""
        self.was_full = self.rec_full = True
        for _ in range(10):  # it is written to meanwhile
            disk = os.statvfs(f"{self.dir}/rec")
            used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
            if subprocess.run(["mount", "-o", f"remount,size={used}", f"{self.dir}/rec"], check=False).returncode == 0:
                return
        sys.exit("the disk of the recordings can't be made full")

    def free_recordings(self):
        self.rec_full = False
        subprocess.run(["mount", "-o", "remount,size=256m", f"{self.dir}/rec"], check=True)

    def take_recordings(self, age):
        """Moves the files that nobody has written to for so long."""
        os.makedirs(self.rec, exist_ok=True)
        for one in os.scandir(f"{self.dir}/rec"):
            if one.name.endswith(".mp4") and time.time() - one.stat().st_mtime > age:
                shutil.move(one.path, self.rec)

    # --- what is seen --------------------------------------------------------------------------

    def figures(self):
        found = {}
        for tool in PROGRAMS:
            for pid in self.pids(tool)[:1]:
                try:
                    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                        pages = int(file.read().split()[1])
                    found[tool] = {"pid": pid, "mib": round(pages * os.sysconf("SC_PAGESIZE") / 2**20, 2),
                                   "fds": len(os.listdir(f"/proc/{pid}/fd"))}
                except (OSError, IndexError):
                    pass
        return found

    def ask(self, tool, method="status"):
        """The answer of a control socket, or nothing."""
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(1)
                one.connect(f"{self.dir}/run/soak/{tool}.sock")
                one.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
                return json.loads(one.makefile().readline()).get("result", {})
        except (OSError, ValueError):
            return {}

    def page_age(self):
        """Seconds since the end of the newest segment of the last rung, by the date it has."""
        try:
            with open(f"{self.dir}/hls/soak/180p/playlist.m3u8", encoding="utf-8") as file:
                segments = m3u8.parse(file.read()).segments
        except (OSError, m3u8.Malformed):
            return None
        end = None
        for one in segments:
            if one.date:
                end = one.date
            if end:
                end += datetime.timedelta(seconds=one.duration)
        return round((datetime.datetime.now(datetime.timezone.utc) - end).total_seconds(), 2) if end else None

    def state(self):
        self.tend()
        destinations = self.ask("simulcast", "destination.list").get("destinations", [])
        live = [d for d in destinations if d.get("state") == "live"]
        programs = self.ask("ctl").get("programs", [])
        return {
            "live": len(live),
            "queue": max((round(d.get("queue_seconds", 0), 2) for d in live), default=None),
            "page": self.page_age(),
            "stalled": bool(self.ask("record").get("stalled")),
            "running": sorted(p["program"][7:] for p in programs if p["state"] == "running"),
            "twice": [tool for tool in PROGRAMS if len(self.pids(tool)) > 1],
        }

    def is_well(self, state):
        return (state["live"] == 4 and state["running"] == sorted(PROGRAMS[1:]) and not state["twice"] and
                not state["stalled"] and state["page"] is not None and state["page"] < FRESH)

    def what_ails(self):
        return json.dumps(self.state())

    def offset(self, *arguments):
        """Milliseconds from flash to beep where they are farthest apart, or nothing."""
        done = subprocess.run(["flash_beep.py", *arguments], capture_output=True, text=True, check=False)
        try:
            # A decoder that begins in the middle spoils the sound of its first frame.
            return max(json.loads(done.stdout)["offsets_ms"][1:], key=abs, default=None)
        except (ValueError, KeyError):
            return None

    def sync_own(self):
        """Of what has come through the stream, RTMP and a second ingest."""
        path, until = f"{self.dir}/own.nut", time.monotonic() + 3.5
        try:
            with socket.socket(socket.AF_UNIX) as one, open(path, "wb") as file:
                one.settimeout(1)
                one.connect(f"{self.dir}/run/own/media.sock")
                while time.monotonic() < until:
                    file.write(one.recv(1 << 16))
        except OSError:
            return None
        return self.offset(path)

    def sync_page(self):
        """Of the newest segments that viewers get."""
        try:
            with open(f"{self.dir}/hls/soak/master.m3u8", encoding="utf-8") as file:
                master = m3u8.parse(file.read())
            audio = [m["URI"].strip('"') for m in master.media if m.get("URI")]
            picture = self.newest("180p/playlist.m3u8", "picture")
            sound = ["--audio-input", self.newest(audio[0], "sound")] if audio else []
        except (OSError, m3u8.Malformed, IndexError):
            return None
        return self.offset(picture, *sound)

    def newest(self, name, to):
        """A playlist of the last three segments that has ended."""
        place = os.path.dirname(f"{self.dir}/hls/soak/{name}")
        with open(f"{self.dir}/hls/soak/{name}", encoding="utf-8") as file:
            segments = m3u8.parse(file.read()).segments[-3:]
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:20"]
        for one in segments:
            if one.map != segments[-1].map:
                continue
            if one.map and not any(line.startswith("#EXT-X-MAP") for line in lines):
                lines.append(f'#EXT-X-MAP:URI="{place}/{one.map}"')
            lines += [f"#EXTINF:{one.duration},", f"{place}/{one.uri}"]
        path = f"{self.dir}/{to}.m3u8"
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines + ["#EXT-X-ENDLIST", ""]))
        return path

    # --- the end -------------------------------------------------------------------------------

    def finish(self):
        """Stops the stream; what is not as it should be then."""
        missed = []
        self.wanted.discard("ctl")
        begin = time.monotonic()
        done = subprocess.run(["stream-ctl", "stop", "soak"], env=self.env, capture_output=True, text=True, check=False)
        took = time.monotonic() - begin
        print(f"stop: exit code {done.returncode} after {took:.1f} s")
        if done.returncode or took > 5.5:
            missed.append(f"stream-ctl stop: {done.returncode} after {took:.1f} s: {done.stderr.strip()}")
        self.running["ctl"].wait(10)
        missed += [f"stream-{tool} is left behind" for tool in PROGRAMS if self.pids(tool)]
        if self.rec_disk:
            self.take_recordings(0)
        seconds, count, complete = 0.0, 0, False
        for name in sorted(os.listdir(self.rec_place())):
            if name.endswith(".json"):
                with open(f"{self.rec_place()}/{name}", encoding="utf-8") as file:
                    last = json.load(file)  # not of one whose recorder was killed
                complete = last["complete"] or (self.was_full and last["lost_seconds"] > 0)
        for name in sorted(os.listdir(self.rec)):
            path = f"{self.rec}/{name}"
            if not name.endswith(".mp4"):
                continue
            played = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"],
                                    capture_output=True, text=True, check=False)
            if played.returncode:
                missed.append(f"{name} does not play: {played.stderr[-300:].strip()}")
            length = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path],
                                    capture_output=True, text=True, check=False).stdout.strip()
            seconds, count = seconds + float(length or 0), count + 1
        if not complete:
            missed.append("the last recording is not complete")
        print(f"recorded: {count} files, {seconds / 60:.1f} min")
        return missed

    def close(self):
        for name in list(self.running):
            try:
                self.end(name)
            except ProcessLookupError:
                pass
        for tool in PROGRAMS:
            self.signal(tool, signal.SIGKILL)
        for name, mounted in (("hls", self.small_disk), ("rec", self.rec_disk)):
            if mounted:
                subprocess.run(["umount", "-l", f"{self.dir}/{name}"], check=False)
        for path in (self.dir, self.rec):
            shutil.rmtree(path, ignore_errors=True)
