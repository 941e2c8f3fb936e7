#!/usr/bin/env python3
"""The keys of a stream file are the same in the code, the JSON schema, stream.yaml(5), and the programs.

stream_file_keys.py [--write]   compares; --write makes the schema's and the page's parts from the code
"""

import json
import os
import re
import subprocess
import sys

import tree

SCHEMA = "lib/streams/schema/stream-file-1.json"
PAGE = "man/stream.yaml.5"
ROW = re.compile(r'\{"(\w+)", "([\w,=-]*)", k(\w+), (true|false), "([^"]*)",\s*"([^"]*)"\}', re.S)
SECTION = re.compile(r'Section\{"(\w+)", "(\w+)", (\w+)(?:, "(\w+)")?\}')
TYPES = {"Flag": "boolean", "Stream": "boolean", "Count": "integer", "Number": "number"}


def text_of_code():
    return re.sub(r'"\s*\n\s*"', "", tree.read("lib/streams/sections.cpp"))


def rows_of(table):
    body = re.search(rf"constexpr Key {table}\[\] = \{{(.*?)\n\}};", text_of_code(), re.S).group(1)
    rows = ROW.findall(body)
    assert len(rows) == body.count('{"'), f"{table}: a row that this script can't read"
    return rows


def sections():
    for name, tool, table, verb in SECTION.findall(text_of_code()):
        yield name, tool, verb, rows_of(table)


def value_schema(kind, many, choices, meaning):
    one = {"type": TYPES[kind]} if kind in TYPES else {"type": ["string", "number"]}
    if kind in ("Count", "Number"):
        one = {"oneOf": [{"type": TYPES[kind], "minimum": 0}, {"type": "string", "pattern": "^[0-9.]+$"}]}
    if choices:
        one = {"enum": choices.split() + [int(word) for word in choices.split() if word.isdigit()]}
    if many == "true":
        one = {"oneOf": [one, {"type": "array", "minItems": 1, "items": one}]}
    return {**one, "description": meaning}


def schema_of(parts):
    name = {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"}
    properties = {
        "name": {**name, "description": "the stream's name"},
        "title": {"type": "string", "maxLength": 200, "description": "for people"},
        "group": {**name, "description": "streams that belong together"},
    }
    for section, tool, verb, rows in parts:
        properties[section] = {
            "type": "object", "additionalProperties": False,
            "description": f"options of stream-{tool}" + (f" {verb}" if verb else ""),
            "properties": {key: value_schema(kind, many, choices, meaning)
                           for key, _, kind, many, choices, meaning in rows}}
    for section, key in (("ladder", "output"), ("record", "output"), ("serve", "listen"), ("archive", "to")):
        properties[section]["required"] = [key]
    span = {"type": "string", "pattern": "^[0-9.]+(ms|s|m|h|d)$"}
    ends = {"duration": {**span, "description": "how long"},
            "until": {"type": "string", "description": "11:30, or in at 2026-12-06 11:30"}}
    title = {"type": "string", "maxLength": 200, "description": "for people"}
    start = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
             "description": "2026-12-06 10:00, as the clocks there show it"}
    cron = {"type": "string", "description": "as in crontab(5): 0 10 * * SUN"}
    day = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}

    def one_or_list(word, required, more):
        one = {"oneOf": [word, {"type": "object", "additionalProperties": False, "required": [required],
                                "properties": {required: word, **ends, "title": title, **more}}]}
        return {"oneOf": [*one["oneOf"], {"type": "array", "minItems": 1, "maxItems": 200, "items": one}]}

    user = {"type": "string", "minLength": 1, "maxLength": 200}
    properties["visibility"] = {
        "type": "object", "additionalProperties": False, "description": "who may see the stream",
        "properties": {
            "visible": {"type": "boolean", "description": "false: in no list, and by token only"},
            "public": {"type": "boolean", "description": "false: the owner and who is allowed see it by token"},
            "allow": {"type": "array", "maxItems": 1000, "uniqueItems": True, "items": user,
                      "description": "users who may see it when it is not public"},
            "owner": {**user, "description": "who may see it as well"}}}
    properties["schedule"] = {
        "type": "object", "additionalProperties": False, "required": ["time_zone"], "description": "when it is live",
        "anyOf": [{"required": ["at"]}, {"required": ["cron"]}],
        "properties": {
            "time_zone": {"type": "string", "description": "whose clocks: Europe/Berlin"},
            "at": one_or_list(start, "start", {}),
            "cron": one_or_list(cron, "when", {"from": {**day, "description": "the first day"},
                                               "to": {**day, "description": "the last day"}}),
            **ends,
            "ready": {**span, "description": "publishers may come so long before"},
            "late": {"type": "string", "description": "it may begin so late, or all: until its end"}}}
    source = {"type": "string", "pattern": "^@"}
    properties["destinations"] = {
        "type": "object", "maxProperties": 64, "propertyNames": name, "description": "name: address",
        "additionalProperties": {"oneOf": [
            {"type": "string"},
            {"type": "object", "additionalProperties": False, "properties": {
                "url": {"type": "string", "description": "server, or @vault:NAME and the like"},
                "key": {**source, "description": "the source of the key"},
                **{key: value_schema(kind, many, choices, meaning)
                   for key, _, kind, many, choices, meaning in rows_of("kDestinationKeys")}}}]}}
    limit = {"type": "string", "description": "for one run, from 100ms to 1m"}
    words = {"oneOf": [{"type": "string"}, {"type": "array", "minItems": 1, "maxItems": 64, "items": {"type": "string"}}]}
    events = {**words, "description": "names of stream-events(7), or all that begin so: stream.*"}
    properties["hooks"] = {
        "type": "object", "maxProperties": 16, "propertyNames": name, "description": "who is told what happens",
        "additionalProperties": {"oneOf": [
            {"type": "object", "additionalProperties": False, "required": ["url", "secret"], "properties": {
                "url": {"type": "string", "description": "https://HOST/PATH, or @vault:NAME and the like"},
                "secret": {**source, "description": "the source of the secret, whsec_..."},
                "allow_private": {"type": "boolean", "description": "addresses of your own network"},
                "events": events}},
            {"type": "object", "additionalProperties": False, "required": ["exec"], "properties": {
                "exec": {**words, "description": "the path of a program, and its arguments"},
                "timeout": limit, "events": events}}]}}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "stream.file/1",
            "title": "A stream file, stream.yaml", "type": "object", "additionalProperties": False,
            "required": ["name", "input"], "properties": properties}


def page_items(rows):
    for key, _, kind, many, _, meaning in rows:
        note = " (a list)" if many == "true" else ""
        meaning = meaning.replace("-", "\\-")
        meaning = re.sub(r"(\S+)\((\d)\)", r"\n.Xr \1 \2\n", meaning).replace("\\-key\\-file", "-key-file")
        meaning = re.sub(r"(\.Xr \S+)", lambda m: m.group(1).replace("\\-", "-"), meaning)
        text = "\n".join(line.strip() for line in f"{meaning}{note}".splitlines() if line.strip())
        yield f".It Ic {key}\n{text}"


def page_part(parts):
    out = []
    for section, tool, verb, rows in parts:
        of = f"\n.Ic {verb}\nof" if verb else ""
        out.append(f".Ss {section}\nThe options of{of}\n.Xr stream-{tool} 1 .")
        out.append(".Bl -tag -width admission_timeout -compact")
        out += page_items(rows)
        out.append(".El")
    return "\n".join(out) + "\n"


def with_part(page, begin, end, part):
    return page[:page.index(begin)] + begin + part + page[page.index(end):]


def main():
    parts = list(sections())
    schema = json.dumps(schema_of(parts), indent=1) + "\n"
    page = tree.read(PAGE)
    made = with_part(page, '.\\" keys: from lib/streams/sections.cpp\n', '.\\" end of keys\n', page_part(parts))
    made = with_part(made, '.\\" destination keys: likewise\n', '.\\" end of destination keys\n',
                     "\n".join(page_items(rows_of("kDestinationKeys"))) + "\n")
    if "--write" in sys.argv:
        for path, text in ((SCHEMA, schema), (PAGE, made)):
            with open(os.path.join(tree.ROOT, path), "w", encoding="utf-8") as file:
                file.write(text)
    problems = []
    if (tree.read(SCHEMA) or "") != schema:
        problems.append(f"{SCHEMA} is stale: run tests/support/stream_file_keys.py --write")
    if tree.read(PAGE) != made:
        problems.append(f"{PAGE} is stale: run tests/support/stream_file_keys.py --write")
    for section, tool, verb, rows in parts:
        program = [os.path.join(os.environ["TOOLS_BIN"], f"stream-{tool}"), *([verb] if verb else [])]
        options = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True).stdout
        for key, option, *_ in rows:
            if option and not re.search(rf"{option}\b(?!-)", options):
                problems.append(f"{section}.{key}: stream-{tool} has no {option}")
    tree.finish(problems)


main()
