"""What the measuring tools read through ffmpeg: picture brightness, sound level, packets, decode errors."""

import array
import json
import re
import subprocess
import sys


def die(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def run(args, text=True):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=text, check=False)
    if done.returncode != 0:
        error = done.stderr if text else done.stderr.decode(errors="replace")
        die(f"{' '.join(args)}\nfailed: {error[-2000:]}")
    return done


# What a playlist from disk may refer to; http for served ones.
INPUT = ["-protocol_whitelist", "file,pipe,http,tcp,crypto,data", "-allowed_extensions", "ALL"]


def input_args(path):
    return (INPUT if path.split("?")[0].endswith(".m3u8") else []) + ["-i", path]


def luma(path, stream="v:0"):
    """[(pts seconds, mean luma 0..255)] of every decoded picture, in order of presentation."""
    done = run(["ffmpeg", "-nostdin", "-hide_banner", "-copyts", *input_args(path), "-map", f"0:{stream}",
                "-vf", "scale=16:16:flags=area,format=gray,showinfo", "-fps_mode", "passthrough",
                "-f", "null", "-"])
    return [(float(m[1]), float(m[2])) for m in
            re.finditer(r"showinfo.*pts_time:\s*(\S+).*mean:\[(\d+)", done.stderr)]


def sound(path, stream="a:0", rate=48000):
    """[(pts seconds, samples)] of every decoded frame of sound, one channel."""
    done = run(["ffmpeg", "-nostdin", "-hide_banner", "-copyts", *input_args(path), "-map", f"0:{stream}",
                "-af", f"aresample={rate},aformat=sample_fmts=s16:channel_layouts=mono,ashowinfo",
                "-f", "s16le", "-"], text=False)
    samples = array.array("h")
    samples.frombytes(done.stdout)
    frames, at = [], 0
    for match in re.finditer(rb"ashowinfo.*pts_time:(\S+).*nb_samples:(\d+)", done.stderr):
        count = int(match[2])
        frames.append((float(match[1]), samples[at:at + count]))
        at += count
    return frames


def streams(path):
    done = run(["ffprobe", "-v", "error", *input_args(path)[:-2], "-show_streams", "-show_format", "-of", "json",
                path])
    return json.loads(done.stdout)


def decode_errors(path):
    """What ffmpeg says when it decodes everything; empty when all is well."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *input_args(path), "-map", "0",
                           "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stderr.strip() or ("" if done.returncode == 0 else f"exit code {done.returncode}")
