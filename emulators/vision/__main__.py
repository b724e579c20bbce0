"""``python -m emulators.vision``: serve until SIGTERM or SIGINT, then end with code 0."""

import errno
import os
import signal
import socket
import sys
import time

import structlog
import uvicorn

from emulators.vision.custom.projects import ProjectsError
from emulators.vision.engine.models import ModelError
from emulators.vision.logs import configure_logs
from emulators.vision.main import create_app
from emulators.vision.settings import Settings, parse_settings

_LAST_ANSWERS_S = 2
_LAST_LOOKS_S = 1.5


def main() -> int:
    """2 if a setting or the address cannot be used, 0 after a clean end."""
    settings = parse_settings()
    configure_logs(settings.log_format)
    log = structlog.get_logger("emulators.vision")
    try:
        app = create_app(settings)
    except (ModelError, ProjectsError) as error:
        print(f"A setting cannot be used: {error}.", file=sys.stderr)  # noqa: T201
        return 2
    try:
        listener = _listen(settings)
    except OSError as error:
        why = (
            "is in use by another process" if error.errno == errno.EADDRINUSE else f"cannot be used: {error}"
        )
        print(f"{settings.host}:{settings.port} {why}. Give another --port.", file=sys.stderr)  # noqa: T201
        return 2
    # uvicorn raises the signals again that ended it; without these handlers they would end us too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server = _Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_LAST_ANSWERS_S)
    )
    log.info("listening", url=f"http://{settings.host}:{listener.getsockname()[1]}")
    server.run(sockets=[listener])
    deadline = time.monotonic() + _LAST_LOOKS_S
    while app.state.workers.busy and time.monotonic() < deadline:
        time.sleep(0.05)
    log.info("ended")
    sys.stderr.flush()
    if app.state.workers.busy:
        os._exit(0)  # the interpreter would wait for a look at a picture that nobody waits for
    return 0


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First: uvicorn waits for calls to be answered, and some hang on order.
        self.config.app.state.faults.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    listener.listen(512)
    listener.set_inheritable(True)
    return listener


if __name__ == "__main__":
    sys.exit(main())
