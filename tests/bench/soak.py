#!/usr/bin/env python3
"""soak.py OUT SECONDS [--seed N] [--period S]: the work of soak.sh; see there. Each sample is one line of
OUT/samples.tsv, each fault one of OUT/faults.tsv with the time until all was well again."""

import argparse
import json
import os
import random
import signal
import sys
import time

from soak_stage import PROGRAMS, Stage

WELL = 30.0  # seconds after a fault's end until all must be well
STEADY = 4.0  # for so long before it counts; a program that was killed is not missed at once
SYNC_MS = 20.0
EVERY = 2.0  # seconds between samples
SYNC_EVERY = 20.0


class Fault:
    """What is done, for how long it stays so, and what undoes it."""

    def __init__(self, name, seconds, begin, end=None):
        self.name, self.seconds, self.begin, self.end = name, seconds, begin, end


def faults(stage):
    """All that can be chosen from."""
    found = []
    for tool in PROGRAMS:
        found.append(Fault(f"kill {tool}", 0, lambda tool=tool: stage.signal(tool, signal.SIGKILL)))
        if tool != "ctl":
            found.append(Fault(f"stop {tool} for 5 s", 5, lambda tool=tool: stage.signal(tool, signal.SIGSTOP),
                               lambda tool=tool: stage.signal(tool, signal.SIGCONT)))
    for peer in stage.peers:
        found.append(Fault(f"{peer} away for 10 s", 10, lambda peer=peer: stage.end(peer),
                           lambda peer=peer: stage.begin(peer)))
    found.append(Fault("nginx silent for 8 s", 8, lambda: stage.signal_peer("nginx", signal.SIGSTOP),
                       lambda: stage.signal_peer("nginx", signal.SIGCONT)))
    found.append(Fault("publisher away for 15 s", 15, lambda: stage.end("publisher"),
                       lambda: stage.begin("publisher")))
    if stage.small_disk:
        found.append(Fault("disk of the page full for 8 s", 8, stage.fill_disk, stage.free_disk))
    if stage.rec_disk:
        # The recorder's reserve is to carry it over this, without a loss.
        found.append(Fault("disk of the recordings full for 8 s", 8, stage.fill_recordings, stage.free_recordings))
    return found


class Soak:
    def __init__(self, stage, out, seed, period):
        self.stage, self.out, self.period = stage, out, period
        self.random = random.Random(seed)
        self.queue = []
        self.begin = time.monotonic()
        self.samples = open(os.path.join(out, "samples.tsv"), "w", encoding="utf-8")
        self.faults = open(os.path.join(out, "faults.tsv"), "w", encoding="utf-8")
        print("minutes", "fault", "well after", sep="\t", file=self.faults)
        names = [f"{what} {p}" for what in ("MiB", "fds") for p in PROGRAMS]
        print("minutes", *names, "page", "queue", "sync own", "sync page", "live", sep="\t", file=self.samples)
        self.first, self.last, self.growth = {}, {}, {}
        self.sync, self.late, self.slowest, self.counts = [], [], 0.0, {}

    def minutes(self):
        return (time.monotonic() - self.begin) / 60

    def note_growth(self, figures):
        """Per process, from when it is a minute old to the last sample; of those that got old enough."""
        now = time.monotonic()
        for tool, figure in figures.items():
            key = (tool, figure["pid"])
            self.first.setdefault(key, (now, None))
            since, base = self.first[key]
            if base is None and now - since >= 60:
                self.first[key] = (since, figure)
            elif base and now - since >= 180:
                self.growth[key] = (now - since, base["mib"], figure["mib"], base["fds"], figure["fds"])

    def sample(self, with_sync):
        figures = self.stage.figures()
        self.note_growth(figures)
        values = [figures.get(p, {}).get(what) for what in ("mib", "fds") for p in PROGRAMS]
        state = self.stage.state()
        sync = [None, None]
        if with_sync:
            sync = [self.stage.sync_own(), self.stage.sync_page()]
            self.sync += [abs(s) for s in sync if s is not None]
        line = [f"{self.minutes():.3f}", *values, state["page"], state["queue"], *sync, state["live"]]
        print(*("-" if v is None else v for v in line), sep="\t", file=self.samples, flush=True)
        return state

    def run_for(self, seconds, until=None):
        """Samples for so long, or until the state has become as wanted and stays so; the time that took."""
        begin, next_sync = time.monotonic(), time.monotonic() + SYNC_EVERY / 2
        since = None
        while time.monotonic() - begin < seconds:
            step = time.monotonic()
            with_sync = until is None and step >= next_sync
            if with_sync:
                next_sync = step + SYNC_EVERY
            state = self.sample(with_sync)
            if until and not until(state):
                since = None
            elif until:
                since = since or step
                if step - since >= STEADY:
                    return since - begin
            time.sleep(max(0.05, (0.5 if until else EVERY) - (time.monotonic() - step)))
        return None if until else seconds

    def choose(self):
        """Each once before any comes again."""
        if not self.queue:
            self.queue = faults(self.stage)
            self.random.shuffle(self.queue)
        return self.queue.pop()

    def fault(self):
        one = self.choose()
        at, begin = self.minutes(), time.monotonic()
        one.begin()
        self.run_for(one.seconds)
        if one.end:
            one.end()
        took = self.run_for(WELL + 15 + STEADY, self.stage.is_well)
        print(f"{at:.3f}", one.name, "never" if took is None else f"{took:.1f}", sep="\t", file=self.faults, flush=True)
        print(f"{at:6.1f} min  {one.name:32} well after {'never' if took is None else f'{took:.1f} s'}", flush=True)
        self.counts[one.name] = self.counts.get(one.name, 0) + 1
        if took is None or took > WELL:
            self.late.append(f"{one.name} at {at:.1f} min: {'never' if took is None else f'{took:.0f} s'}: "
                             f"{self.stage.what_ails()}")
        else:
            self.slowest = max(self.slowest, took)
        self.run_for(max(0.0, self.period - (time.monotonic() - begin)))


def verdict(soak, stage):
    """Prints the figures; what was missed."""
    missed = list(soak.late)
    total = sum(soak.counts.values())
    print(f"\n{total} faults, slowest recovery {soak.slowest:.1f} s (bar {WELL:.0f} s), {len(soak.late)} beyond it")
    if soak.sync:
        ordered = sorted(soak.sync)
        print(f"sound and picture: {len(ordered)} measurements, median {ordered[len(ordered) // 2]:.1f} ms, "
              f"at most {ordered[-1]:.1f} ms apart (bar {SYNC_MS:.0f} ms)")
        if ordered[-1] > SYNC_MS:
            missed.append(f"sound and picture were {ordered[-1]:.1f} ms apart")
    else:
        missed.append("sync was never measured")
    for (tool, pid), (seconds, mib, now_mib, fds, now_fds) in sorted(soak.growth.items()):
        print(f"{tool:10} {pid:8}  {seconds / 60:5.1f} min  {mib:6.1f} -> {now_mib:6.1f} MiB  {fds:3} -> {now_fds:3} descriptors")
        if now_mib > mib * 1.2 + 8:
            missed.append(f"{tool} grew from {mib:.0f} to {now_mib:.0f} MiB in {seconds / 60:.0f} min")
        if now_fds > fds + 8:
            missed.append(f"{tool} grew from {fds} to {now_fds} descriptors")
    return missed + stage.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("seconds", type=int)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--period", type=float, default=60)
    args = parser.parse_args()
    stage = Stage(args.out)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stage.begin_all()
        soak = Soak(stage, args.out, args.seed, args.period)
        if soak.run_for(60, stage.is_well) is None:
            sys.exit(f"the stream did not come up: {stage.what_ails()}")
        soak.run_for(20)
        while time.monotonic() - soak.begin < args.seconds - args.period:
            soak.fault()
        soak.run_for(max(10.0, args.seconds - (time.monotonic() - soak.begin)))
        missed = verdict(soak, stage)
    finally:
        stage.close()
    for one in missed:
        print(f"MISSED: {one}")
    print(json.dumps({"faults": sum(soak.counts.values()), "slowest_seconds": round(soak.slowest, 1),
                      "sync_ms": max(soak.sync, default=None), "missed": missed}))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
