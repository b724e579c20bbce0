"""An Event Grid namespace's publish operation, just enough to see what is published to it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import until_sync


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: "EventReceiver"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.receiver.accept(self.path, dict(self.headers.items()), body)
        answer = b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header(
            "Connection", "close"
        )  # or `stop` would leave a connection open that still takes events
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


class EventReceiver:
    """Keeps what was published, in order of arrival.

    ``status`` is what it answers; only 200 keeps the events. A batch with an event that it ``refuses`` gets 400.
    """

    def __init__(self) -> None:
        self.status = 200
        self.refuses: Callable[[dict[str, Any]], bool] = lambda event: False
        self.port = 0
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.events: list[dict[str, Any]] = []
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Address of the namespace."""
        return f"http://127.0.0.1:{self.port}"

    def accept(self, path: str, headers: dict[str, str], body: Any) -> int:
        """One publish request."""
        self.requests.append((path, headers, body))
        events = body if isinstance(body, list) else [body]
        if any(self.refuses(event) for event in events):
            return 400
        if self.status == 200:
            self.events.extend(events)
        return self.status

    def start(self) -> None:
        """Listen; on the same port as before if it was started before."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.receiver = self
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close the port: connections are refused from now on."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def of(self, blob: str) -> list[dict[str, Any]]:
        """Events about the blob whose subject ends in ``/blobs/{blob}``."""
        return [event for event in self.events if event["subject"].endswith(f"/blobs/{blob}")]

    def wait_for(self, blob: str, count: int = 1, timeout_s: float = 15.0) -> list[dict[str, Any]]:
        """The blob's events as soon as there are ``count``."""
        until_sync(lambda: len(self.of(blob)) >= count, timeout_s, f"{count} event(s) about {blob}")
        return self.of(blob)


@contextmanager
def event_receiver() -> Iterator[EventReceiver]:
    """A receiver that listens, stopped at the end."""
    receiver = EventReceiver()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
