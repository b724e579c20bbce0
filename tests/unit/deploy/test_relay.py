"""emulators.relay: what goes in comes out at the other end, and back; it ends when it is told to."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from emulators.relay import address, main, serve
from tests.support.ports import free_port
from tests.support.waiting import until

Address = tuple[str, int]


@pytest.fixture
async def echo() -> AsyncIterator[Address]:
    """Gives back what it gets, and then ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()


async def listening(where: Address) -> bool:
    _, writer = await asyncio.open_connection(*where)
    writer.close()
    return True


@pytest.fixture
async def relay(echo: Address) -> AsyncIterator[Address]:
    where, stop = ("127.0.0.1", free_port()), asyncio.Event()
    task = asyncio.create_task(serve(where, echo, stop))
    await until(lambda: listening(where), 10, "relay")
    yield where
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_carries_both_ways(relay: Address) -> None:
    sent = bytes(range(256)) * 4096
    reader, writer = await asyncio.open_connection(*relay)
    writer.write(sent)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == sent
    writer.close()


async def test_many_at_once(relay: Address) -> None:
    async def one(number: int) -> bytes:
        reader, writer = await asyncio.open_connection(*relay)
        writer.write(str(number).encode())
        writer.write_eof()
        got = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return got

    assert await asyncio.gather(*(one(number) for number in range(50))) == [
        str(n).encode() for n in range(50)
    ]


async def test_nobody_at_the_other_end_closes(capsys: pytest.CaptureFixture[str]) -> None:
    where, stop = ("127.0.0.1", free_port()), asyncio.Event()
    task = asyncio.create_task(serve(where, ("127.0.0.1", free_port()), stop))
    await until(lambda: listening(where), 10, "relay")
    reader, writer = await asyncio.open_connection(*where)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()
    stop.set()
    await asyncio.wait_for(task, 10)
    assert "Connect call failed" in capsys.readouterr().err


async def test_a_client_that_stays_keeps_it_from_nothing(echo: Address) -> None:
    where, stop = ("127.0.0.1", free_port()), asyncio.Event()
    task = asyncio.create_task(serve(where, echo, stop))
    await until(lambda: listening(where), 10, "relay")
    reader, writer = await asyncio.open_connection(*where)
    writer.write(b"half")
    await writer.drain()
    stop.set()
    await asyncio.wait_for(task, 10)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--listen", f"127.0.0.1:{port}", "--to", "127.0.0.1:1"]) == 2
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:0", "host:70000", "host:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        address(text)
