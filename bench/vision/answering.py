"""A process that answers for Vision at once, so that what is left is the classifier's own time."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from typing import Final

from bench.operations import ANSWER

START_S: Final = 30.0


@contextmanager
def answering() -> Iterator[str]:
    """Its address: POST anything and get the contract's sample; GET /calls says how often. Raises RuntimeError."""
    context = multiprocessing.get_context("spawn")
    port = context.Value("i", 0)
    server = context.Process(target=_serve, args=(port,), daemon=True)
    server.start()
    try:
        deadline = time.monotonic() + START_S
        while not port.value:
            if time.monotonic() > deadline or not server.is_alive():
                raise RuntimeError("the process that answers for Vision did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.value}"
    finally:
        server.terminate()
        server.join(5)


def _serve(port: "Synchronized[int]") -> None:
    asyncio.run(_run(port))


async def _run(port: "Synchronized[int]") -> None:
    body, calls = ANSWER.read_bytes(), 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(_length(head))
                calls += head.startswith(b"post")
                told = body if head.startswith(b"post") else str(calls).encode()
                kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                writer.write(kind % len(told) + told)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port.value = server.sockets[0].getsockname()[1]
    await server.serve_forever()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
