"""One set-up at a time for each thing: a lock on a file, held until the last process that inherited it is gone."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.setup.errors import Interrupted

POLL_S = 0.2


@contextmanager
def exclusive(path: Path, stop: threading.Event, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold the lock ``path`` and give its descriptor; call ``waiting`` once if somebody else has it now.

    The lock goes with the descriptor: children that are given it keep it when this process is killed, so nobody starts
    the same work while an orphan still writes. Waits as long as it takes: the holder works, and ``stop`` ends the wait
    with Interrupted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        told = False
        while not _try(descriptor):
            if not told:
                waiting()
                told = True
            if stop.wait(POLL_S):
                raise Interrupted
        yield descriptor
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
