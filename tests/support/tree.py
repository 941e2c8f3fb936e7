"""The project's own files, for the lints: everything but what is built, installed or ignored."""

import os
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SKIP = {"build", "out", "node_modules", ".git", "__pycache__"}


def files(*suffixes, under=""):
    """Paths relative to the root, in order; of the given suffixes, or all."""
    found = []
    for folder, folders, names in os.walk(os.path.join(ROOT, under)):
        folders[:] = sorted(set(folders) - SKIP)
        for name in sorted(set(names) - SKIP):  # in a worktree .git is a file
            if not suffixes or name.endswith(suffixes):
                found.append(os.path.relpath(os.path.join(folder, name), ROOT))
    return found


def read(path):
    """The text of a file, or None when it is not text."""
    with open(os.path.join(ROOT, path), "rb") as file:
        data = file.read()
    try:
        return data.decode() if b"\0" not in data else None
    except UnicodeDecodeError:
        return None


def finish(problems):
    """Prints what is wrong and ends the lint."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
