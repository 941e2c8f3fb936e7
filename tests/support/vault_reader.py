#!/usr/bin/env python3
"""vault_reader.py VAULT KEYFILE: prints the entries of a vault as JSON {name: value}.

A second reader of the format, written from stream-vault(5) alone with nothing but Python's standard
library, so that a vault is what the manual says and not only what our own code reads back.
"""

import hashlib
import json
import struct
import sys

MASK = 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & MASK
        s[z] ^= s[x]
        s[z] = ((s[z] << turn) | (s[z] >> (32 - turn))) & MASK


def rounds(state):
    s = list(state)
    for _ in range(10):
        for group in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                      (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(s, *group)
    return s


def start(key, tail):
    return list(struct.unpack("<16I", b"expand 32-byte k" + key + tail))


def hchacha(key, nonce):
    s = rounds(start(key, nonce))
    return struct.pack("<8I", *s[:4], *s[12:])


def chacha(key, nonce, counter, data):
    out = bytearray()
    for at in range(0, len(data), 64):
        state = start(key, struct.pack("<I", counter + at // 64) + nonce)
        block = struct.pack("<16I", *((a + b) & MASK for a, b in zip(state, rounds(state))))
        out += bytes(x ^ y for x, y in zip(data[at:at + 64], block))
    return bytes(out)


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at:at + 16] + b"\1", "little")) * r % (2 ** 130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2 ** 128).to_bytes(16, "little")


def unseal(key, nonce, header, sealed):
    text, tag = sealed[:-16], sealed[-16:]
    key, nonce = hchacha(key, nonce[:16]), b"\0\0\0\0" + nonce[16:]
    pad = lambda part: part + b"\0" * (-len(part) % 16)
    signed = pad(header) + pad(text) + struct.pack("<QQ", len(header), len(text))
    assert poly1305(chacha(key, nonce, 0, b"\0" * 32), signed) == tag, "an entry is not authentic"
    return chacha(key, nonce, 1, text)


def blake(key, label, data):
    return hashlib.blake2b(label + b"\0" + data, key=key, digest_size=32).digest()


def read(data, root):
    header = data[:40]
    assert header[:9] == b"STRVAULT\1", "not a vault of version 1"
    assert data[40:56] == blake(root, b"stream-vault check", header)[:16], "the wrong key"
    whole = blake(root, b"stream-vault file", header)
    assert data[-32:] == blake(whole, b"", data[:-32]), "the file is damaged"
    count, at, entries = struct.unpack(">I", data[64:68])[0], 68, {}
    key = blake(root, b"stream-vault entries", header)
    for _ in range(count):
        length = 2 + data[at + 1] + 24
        label, nonce = data[at:at + length], data[at + length:at + length + 24]
        at += length + 24
        size = struct.unpack(">I", data[at:at + 4])[0]
        value = unseal(key, nonce, label, data[at + 4:at + 4 + size])
        entries[label[2:2 + label[1]].decode()] = value.decode()
        at += 4 + size
    assert at == len(data) - 32, "bytes are left over"
    return entries


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as vault, open(sys.argv[2]) as key:
        print(json.dumps(read(vault.read(), bytes.fromhex(key.read().strip()))))
