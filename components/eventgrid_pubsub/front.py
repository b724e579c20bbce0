"""The public socket: passes every connection on to the gRPC server from an address of its own.

daprd's connections to a Unix socket carry no address, and its calls name the component, not the app. Several sidecars
on one socket, each with a component of the same name, could not be told apart. Passed on from a bound address, gRPC
shows that address as the peer of every call on the connection.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

CONNECT_TIMEOUT_S = 10.0


class _Leg(asyncio.Protocol):
    """One side of a connection: what it reads, the other side writes."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._on_lost = on_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports have no common base

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)  # little: a client waits for the server's settings
        else:
            self.other.write(data)

    def join(self, other: asyncio.Transport) -> None:
        """From now on, write to ``other``; what has come already first."""
        self.other = other
        for data in self._early:
            other.write(data)
        self._early.clear()

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self.other is not None:
            self.other.close()
        self._on_lost()


class Front:
    """Listens at ``public`` and connects to ``inner``. ``on_closed`` is told the peer whose connection ended.

    ``folder`` is private: it holds the inner socket and the addresses that connections are passed on from.
    """

    def __init__(self, public: Path, inner: Path, folder: Path, on_closed: Callable[[str], None]) -> None:
        self._public = public
        self._inner = inner
        self._folder = folder
        self._on_closed = on_closed
        self._server: asyncio.Server | None = None
        self._last = 0
        self._open: dict[int, asyncio.Transport] = {}
        self._connecting: set[asyncio.Task[None]] = set()

    async def start(self, mode: int) -> None:
        """Listen; the socket gets the permissions ``mode``."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.bind(str(self._public))
        self._public.chmod(mode)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._accept, sock=listener, backlog=128)

    async def stop(self) -> None:
        """Accept no more, and close what is open."""
        if self._server is not None:
            self._server.close()
        for transport in list(self._open.values()):
            transport.close()
        for task in list(self._connecting):
            task.cancel()

    def _accept(self) -> _Leg:
        self._last += 1
        number = self._last
        address = self._folder / str(number)

        def lost() -> None:
            if self._open.pop(number, None) is not None:
                with contextlib.suppress(FileNotFoundError):
                    address.unlink()
                self._on_closed(f"unix:{address}")

        return _Accepted(lost, lambda made: self._connect(number, address, made))

    def _connect(self, number: int, address: Path, outer: _Leg) -> None:
        assert outer.transport is not None
        self._open[number] = outer.transport
        task = asyncio.get_running_loop().create_task(self._pass_on(address, outer))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _pass_on(self, address: Path, outer: _Leg) -> None:
        assert outer.transport is not None
        loop = asyncio.get_running_loop()
        inner_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            inner_socket.setblocking(False)
            inner_socket.bind(str(address))
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.sock_connect(inner_socket, str(self._inner))
            transport, inner = await loop.create_unix_connection(
                lambda: _Leg(lambda: None), sock=inner_socket
            )
        except BaseException:
            inner_socket.close()
            outer.transport.abort()
            raise
        inner.join(outer.transport)
        outer.join(transport)
        if outer.transport.is_closing():
            transport.close()


class _Accepted(_Leg):
    def __init__(self, on_lost: Callable[[], None], on_made: Callable[[_Leg], None]) -> None:
        super().__init__(on_lost)
        self._on_made = on_made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._on_made(self)
