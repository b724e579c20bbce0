"""Uploads a picture to the running stack and waits until it is classified. Standard library alone.

``smoke.py [INGEST] [QUERY]``: their addresses, http://127.0.0.1:8001 and :8003 if not given. Exit code 1: it failed.
"""

import json
import struct
import sys
import time
import urllib.error
import urllib.request
import zlib
from typing import Any

TIMEOUT_S = 90.0
CALL_TIMEOUT_S = 10.0
SIDE = 96


def picture() -> bytes:
    """A PNG of a red square on white, a new one each time."""
    stamp = time.time_ns()
    rows = []
    for y in range(SIDE):
        inside = [SIDE // 4 <= x < 3 * SIDE // 4 and SIDE // 4 <= y < 3 * SIDE // 4 for x in range(SIDE)]
        rows.append(b"\0" + b"".join(b"\xc8\x14\x1e" if red else b"\xff\xff\xff" for red in inside))
    rows[0] = b"\0" + stamp.to_bytes(9, "big") + rows[0][10:]
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def call(url: str, body: bytes | None = None) -> dict[str, Any]:
    """Raises OSError for an answer that is none of success."""
    headers = {"Content-Type": "image/png"} if body else {}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - the caller's stack
    with urllib.request.urlopen(request, timeout=CALL_TIMEOUT_S) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def main(ingest: str = "http://127.0.0.1:8001", query: str = "http://127.0.0.1:8003") -> int:
    identifier = call(f"{ingest}/v1/images?claim_id=smoke", picture())["id"]
    deadline = time.monotonic() + TIMEOUT_S
    last: object = "nothing"
    while time.monotonic() < deadline:
        try:
            record = call(f"{query}/v1/images/{identifier}")
            last = record["status"]
        except OSError as error:
            last = error
        if last == "classified":
            found = call(f"{query}/v1/images?claim_id=smoke&limit=100")
            if any(item["id"] == identifier for item in found["items"]):
                tags = ", ".join(tag["name"] for tag in record["analysis"]["tags"][:5])
                sys.stdout.write(f"{identifier}: classified and found; tags: {tags}\n")
                return 0
            last = "classified, not found by search"
        time.sleep(0.5)
    sys.stderr.write(f"{identifier}: not classified within {TIMEOUT_S:g} s; last seen: {last}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
