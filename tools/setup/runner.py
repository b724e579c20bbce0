"""Runs the steps that are not complete: each in a thread, under its lock, after those whose results it uses."""

import errno
import threading
from collections.abc import Sequence

from tools.setup import locations
from tools.setup.commands import Children, Shell
from tools.setup.errors import CommandFailed, Interrupted, NoSpace, SetupError
from tools.setup.locks import exclusive
from tools.setup.progress import Board
from tools.setup.staging import Staging
from tools.setup.work import Step, Work


class Runner:
    """One set-up. ``run`` gives what failed, by step; ``children.stop_all`` ends it early."""

    def __init__(self, steps: Sequence[Step], board: Board, children: Children) -> None:
        self._steps = steps
        self._board = board
        self._children = children
        self._ended = {step.name: threading.Event() for step in steps}
        self.failures: dict[str, SetupError] = {}

    def run(self) -> dict[str, SetupError]:
        """Make every step. A failure does not keep the others from being made: what is complete stays complete."""
        threads = [threading.Thread(target=self._make, args=(step,), daemon=True) for step in self._steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            # A join without a timeout would keep signals from being seen.
            while thread.is_alive():
                thread.join(0.2)
                if self._children.stop.is_set():
                    self._children.stop_all()
        return self.failures

    def _make(self, step: Step) -> None:
        try:
            self._wait_for_others(step)
            self._under_lock(step)
        except SetupError as error:
            self._fail(step, error)
        except OSError as error:
            self._fail(step, _from_os(error))
        except Exception as error:  # noqa: BLE001  a thread's last resort: the board must show it
            self._fail(step, SetupError(f"Unexpected: {error!r}.", "This is a fault of the set-up itself."))
        finally:
            self._ended[step.name].set()

    def _wait_for_others(self, step: Step) -> None:
        for name in step.after:
            ended = self._ended.get(name)
            while ended and not ended.wait(0.2):
                if self._children.stop.is_set():
                    raise Interrupted
            if name in self.failures:
                raise SetupError(f"Not tried, because {name} failed.")

    def _under_lock(self, step: Step) -> None:
        cache = locations.cache_dir()
        task = self._board.begin(step.name)
        own = f"{step.name}-{step.key}"
        waiting = lambda: task.announce("waiting for another set-up")  # noqa: E731
        with exclusive(cache / "locks" / f"{own}.lock", self._children.stop, waiting) as lock:
            if not step.is_complete():
                log = cache / "logs" / f"{own}.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("")
                with Staging(cache / "tmp" / own) as staging:
                    shell = Shell(self._children, log, lock)
                    try:
                        step.run(Work(task.say, shell, staging, self._children.stop))
                    finally:
                        task.say("removing what was needed only meanwhile")
            if not step.is_complete():
                raise CommandFailed(f"The step {step.name} ended without its result.")
        self._board.end(step.name)

    def _fail(self, step: Step, error: SetupError) -> None:
        self.failures[step.name] = error
        self._board.end(step.name, failed=True, detail=error.what)


def _from_os(error: OSError) -> SetupError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            f"The disk is full: {error}.", "Free some space, or point CLAIMLENS_CACHE at a larger disk."
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return SetupError(
            f"No right to write: {error}.", "Point CLAIMLENS_CACHE at a folder of yours, or mend the rights."
        )
    return SetupError(f"{error}.")
