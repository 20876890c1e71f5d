#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the files given as rows of the C table in collector/web/static.c:
embed.py FILE... > web_static.inc. The collector serves these bytes and needs no
folder of its own on the server."""
import pathlib, sys

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml", ".json": "application/json"}

for name in sys.argv[1:]:
    path = pathlib.Path(name)
    data = path.read_bytes()
    print(f'{{"{path.name}", "{TYPES[path.suffix]}", {len(data)}, (const unsigned char[]){{')
    for at in range(0, len(data), 16):
        print("".join(f"{b}," for b in data[at:at + 16]))
    print("}},")
