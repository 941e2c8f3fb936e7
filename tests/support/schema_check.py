#!/usr/bin/env python3
"""schema_check.py FILE: whether a manifest is valid under the JSON Schema that its "schema" names.

FILE may be "-". The schemas are those that the package installs, lib/*/schema/NAME-VERSION.json for
stream.NAME/VERSION. Exit 1 with the place and the reason when it is not.
"""

import glob
import json
import os
import sys

import jsonschema

import tree


def main():
    text = sys.stdin.read() if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8").read()
    document = json.loads(text)
    name, version = document["schema"].removeprefix("stream.").split("/")
    found = glob.glob(os.path.join(tree.ROOT, "lib", "*", "schema", f"{name}-{version}.json"))
    if len(found) != 1:
        sys.exit(f"{len(found)} schemas for {document['schema']}")
    with open(found[0], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
    for error in errors:
        print(f"{'/'.join(map(str, error.absolute_path))}: {error.message}")
    sys.exit(1 if errors else 0)


main()
