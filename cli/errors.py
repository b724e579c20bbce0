"""What ends a command.

CliError          says what is wrong and what to do; exit code 1
├── Unreachable   nothing answers at the address
└── Refused       the service refused; carries its problem document's detail
"""


class CliError(Exception):
    """Root of the command line's errors."""


class Unreachable(CliError):
    pass


class Refused(CliError):
    """``status`` is HTTP's; ``code`` is the last part of the problem's type."""

    def __init__(self, detail: str, status: int, code: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
