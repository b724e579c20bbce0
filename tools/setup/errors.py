"""What can go wrong in the set-up.

SetupError            what is wrong, and what to do about it
├── NotSetUp          a path was asked for that no set-up has made yet
├── WrongPython       no Python that the project runs on
├── NoNetwork         a package registry cannot be reached
├── NoSpace           the disk is full, or too small for a build
├── NoCompiler        a toolchain is missing and cannot be had
├── CommandFailed     any other failure of a program that the set-up ran
└── Interrupted       the user, or the system, asked to stop
"""


class SetupError(Exception):
    """``what`` is wrong and ``todo``, what to do about it, both whole sentences for a person.

    ``evidence``: lines that show it, such as the end of a log.
    """

    def __init__(self, what: str, todo: str = "", evidence: str = "") -> None:
        super().__init__("\n".join(part for part in (f"{what} {todo}".strip(), evidence) if part))
        self.what = what


class NotSetUp(SetupError):
    def __init__(self, missing: str) -> None:
        super().__init__(f"{missing} is not there yet.", "Run `make setup`.")


class WrongPython(SetupError):
    pass


class NoNetwork(SetupError):
    pass


class NoSpace(SetupError):
    pass


class NoCompiler(SetupError):
    pass


class CommandFailed(SetupError):
    pass


class Interrupted(SetupError):
    def __init__(self) -> None:
        super().__init__("Interrupted.", "What is complete stays; `make setup` goes on from there.")
