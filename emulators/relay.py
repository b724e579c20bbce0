"""``python -m emulators.relay``: a loopback port that leads to another host.

The pub/sub component speaks plain http to loopback only. Where the Event Grid emulator runs in another pod, this runs
beside the component and stands for it.
"""

import argparse
import asyncio
import contextlib
import signal
import sys

CONNECT_TIMEOUT_S = 10.0
CHUNK_BYTES = 65536
BACKLOG = 256


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT``; raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


async def serve(listen: tuple[str, int], to: tuple[str, int], stop: asyncio.Event) -> None:
    """Relay connections until ``stop``. Raises OSError where ``listen`` cannot be had."""
    tasks: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _relay(reader, writer, to)
        except asyncio.CancelledError:
            pass  # told to stop: the connection is closed
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(accepted, *listen, backlog=BACKLOG)
    async with server:
        await stop.wait()
        server.close()
        for task in tasks:
            task.cancel()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: tuple[str, int]) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            far_reader, far_writer = await asyncio.open_connection(*to)
    except (OSError, TimeoutError) as error:
        print(f"{to[0]}:{to[1]}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, far_writer))
            both.create_task(_copy(far_reader, writer))
    finally:
        far_writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
        target.write_eof()


def main(argv: list[str] | None = None) -> int:
    """0 when told to stop, 2 when the address cannot be listened on."""
    parser = argparse.ArgumentParser(prog="python -m emulators.relay", description=__doc__)
    parser.add_argument("--listen", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--to", type=address, required=True, metavar="HOST:PORT")
    given = parser.parse_args(argv)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(given.listen, given.to, stop)

    try:
        asyncio.run(run())
    except OSError as error:
        print(f"{given.listen[0]}:{given.listen[1]}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
