"""What can keep the stack from running.

StackError              says what is wrong and what to do; `make run` prints it and ends with 1
├── PortInUse           names the port and, where it can be seen, the process that holds it
├── AlreadyRunning      another `make run` uses the same data folder
└── NeverReady          a program did not answer in time; carries the last lines of its log
"""


class StackError(Exception):
    """Root of the stack's errors."""


class PortInUse(StackError):
    pass


class AlreadyRunning(StackError):
    pass


class NeverReady(StackError):
    pass
