#!/usr/bin/env python3
"""Compares stream-ctl schedule with Python's zoneinfo: ten years, twenty zones, three times a day.

schedule_reference.py [FIRST_YEAR [YEARS [ZONE...]]]

The rule is stated anew here: of the instants at which a clock shows the time the first; where there is none,
the instant at which its offset changes.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import zoneinfo

ZONES = ["UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Sao_Paulo",
         "America/Santiago", "America/St_Johns", "America/Nuuk", "America/Havana", "Asia/Kolkata", "Asia/Tehran",
         "Asia/Jerusalem", "Asia/Gaza", "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe",
         "Australia/Sydney", "Pacific/Chatham", "Pacific/Apia"]
SHORT = {"Africa/Casablanca", "Africa/Cairo", "Asia/Gaza"}  # may change and change back within days
HOURS, MINUTES = (0, 1, 2), (15,)
TIMES = [dt.timedelta(hours=hour, minutes=minute) for hour in HOURS for minute in MINUTES]
UTC = dt.timezone.utc


def instant(local, zone):
    found = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return found
    low, high = found - dt.timedelta(hours=27), found + dt.timedelta(hours=27)
    # The clock shows less than `local` at low and more at high, and leaps over it in between.
    while high - low > dt.timedelta(seconds=1):
        middle = low + dt.timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            low = middle
        else:
            high = middle
    return high


def expected(zone, first, years):
    begin, end = dt.datetime(first, 1, 1, tzinfo=UTC), dt.datetime(first + years, 1, 1, tzinfo=UTC)
    day, out = dt.datetime(first - 1, 12, 30), set()
    while day < dt.datetime(first + years, 1, 3):
        # A day without a change is quickly reckoned.
        before = (day - dt.timedelta(days=2)).replace(tzinfo=zone).utcoffset()
        after = (day + dt.timedelta(days=2)).replace(tzinfo=zone).utcoffset()
        midnight = day.replace(hour=0, minute=0)
        if before == after and zone.key not in SHORT:
            first_instant = (midnight - before).replace(tzinfo=UTC)
            out.update(first_instant + time for time in TIMES)
        else:
            out.update(instant(midnight + time, zone) for time in TIMES)
        day += dt.timedelta(days=1)
    return [t.isoformat()[:19] + ".000Z" for t in sorted(out) if begin <= t < end]


def main():
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 2026
    years = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    ctl = os.path.join(os.environ["TOOLS_BIN"], "stream-ctl")
    wrong = compared = 0
    for name in sys.argv[3:] or ZONES:
        most = len(TIMES) * (366 * years + 1) + 1
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(f"name: a\ninput: {{listen: 'rtmp://127.0.0.1/l', open: true}}\nschedule: {{time_zone: {name}, "
                       f"cron: '{','.join(map(str, MINUTES))} {','.join(map(str, HOURS))} * * *', duration: 1s}}\n")
            file.flush()
            # Both reckon at the same time.
            with subprocess.Popen([ctl, "schedule", file.name, "--from", f"{first}-01-01T00:00:00Z", "--json",
                                   "--next", str(most)], stdout=subprocess.PIPE) as asked:
                times = expected(zoneinfo.ZoneInfo(name), first, years)
                text = asked.stdout.read()
            if asked.returncode:
                sys.exit(f"stream-ctl schedule failed for {name}")
        starts, end = [s["start_at"] for s in json.loads(text)["sessions"]], f"{first + years}-"
        found = [start for start in starts if start < end]
        if found != times or starts[-1] < end:
            wrong += 1
            print(f"{name}: {sorted(set(found) ^ set(times))[:5]}")
        compared += len(times)
    print(f"{compared} sessions compared, {wrong} zones wrong")
    return 1 if wrong else 0


sys.exit(main())
