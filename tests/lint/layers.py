#!/usr/bin/env python3
"""Holds the architecture: the link lines of lib/ and tools/ say who may include whom.

A folder includes from itself and from what it links, directly or through a public link. The links
have no cycle. A third-party library belongs to the folders that link it, and those of EXCLUSIVE to one
folder alone. No tool includes another.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tree

# First part of an include -> the CMake targets that bring it.
THIRD_PARTY = {
    "boost": {"Boost::headers"},
    "openssl": {"OpenSSL::SSL", "OpenSSL::Crypto"},
    "nlohmann": {"nlohmann_json::nlohmann_json"},
    "yaml-cpp": {"yaml-cpp"},
    "libavformat": {"PkgConfig::FFMPEG"},
    "libavcodec": {"PkgConfig::FFMPEG"},
    "libavutil": {"PkgConfig::FFMPEG"},
    "libavfilter": {"PkgConfig::FFMPEG"},
    "libswscale": {"PkgConfig::FFMPEG"},
    "libswresample": {"PkgConfig::FFMPEG"},
    "zimg.h": {"PkgConfig::ZIMG"},
    "zimg++.hpp": {"PkgConfig::ZIMG"},
    "ass": {"PkgConfig::ASS"},
    "srt.h": {"PkgConfig::SRT"},
    "access_control.h": {"PkgConfig::SRT"},
    "sodium.h": {"PkgConfig::SODIUM"},
    "srtp2": {"PkgConfig::SRTP"},
    "curl": {"PkgConfig::CURL"},
    "pugixml.hpp": {"pugixml::pugixml"},
}
EXCLUSIVE = {
    "PkgConfig::FFMPEG": "av",
    "PkgConfig::ZIMG": "av",
    "PkgConfig::ASS": "av",
    "PkgConfig::SRT": "srt",
    "PkgConfig::SODIUM": "crypto",
    "PkgConfig::SRTP": "webrtc",
    "PkgConfig::CURL": "fetch",
    "yaml-cpp": "config",
    "pugixml::pugixml": "archive",
}
SYSTEM = {"sanitizer", "sys", "netinet", "arpa", "linux", "net", "bits"}

problems = []


def calls(path, function):
    text = re.sub(r"#.*", "", tree.read(path))
    return [m.split() for m in re.findall(rf"^{function}\(([^)]*)\)", text, re.M)]


# folder -> (its public targets, its private targets)
links = {}
for words in calls("lib/CMakeLists.txt", "stream_library"):
    split = words.index("PRIVATE") if "PRIVATE" in words else len(words)
    links[words[0]] = (set(words[1:split]) - {"DEPENDS"}, set(words[split + 1 :]))
tools = {words[0]: set(words[1:]) | {"lib-cli"} for words in calls("tools/CMakeLists.txt", "stream_tool")}


def public_closure(targets, trail=()):
    found = set(targets)
    for target in targets:
        folder = target.removeprefix("lib-")
        if target.startswith("lib-") and folder in links:
            if folder in trail:
                problems.append(f"lib/CMakeLists.txt: cycle {' -> '.join(trail + (folder,))}")
                continue
            found |= public_closure(links[folder][0], trail + (folder,))
    return found


def check(path, own, reach, where):
    for number, line in enumerate((tree.read(path) or "").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        style, name = match.groups()
        first = name.split("/")[0]
        here = f"{path}:{number}: {name}"
        if first in THIRD_PARTY:
            if not THIRD_PARTY[first] & reach:
                problems.append(f"{here}: {where} does not link {' or '.join(sorted(THIRD_PARTY[first]))}")
            for target in THIRD_PARTY[first]:
                if target in EXCLUSIVE and own != EXCLUSIVE[target]:
                    problems.append(f"{here}: belongs to lib/{EXCLUSIVE[target]} alone")
        elif style == "<":
            if "/" in name and first not in SYSTEM:
                problems.append(f"{here}: a library that tests/lint/layers.py does not know")
        elif "/" not in name:
            if not os.path.exists(os.path.join(tree.ROOT, os.path.dirname(path), name)):
                problems.append(f"{here}: write the folder before the name")
        elif first in links:
            if first != own and f"lib-{first}" not in reach:
                problems.append(f"{here}: {where} does not link lib-{first}")
        elif first in tools and first != own:
            problems.append(f"{here}: no tool includes another")


for folder, (public, private) in links.items():
    reach = public_closure(public | private, (folder,))
    for path in tree.files(".h", ".cpp", under=f"lib/{folder}"):
        check(path, folder, reach, f"lib/{folder}")
for folder in sorted(os.listdir(os.path.join(tree.ROOT, "lib"))):
    if os.path.isdir(os.path.join(tree.ROOT, "lib", folder)) and folder not in links:
        problems.append(f"lib/{folder}: has no stream_library line in lib/CMakeLists.txt")
for tool, targets in tools.items():
    for path in tree.files(".h", ".cpp", under=f"tools/{tool}"):
        check(path, tool, public_closure(targets), f"tools/{tool}")
tree.finish(sorted(set(problems)))
