"""What can go wrong in the storage emulator.

::

    StorageEmulatorError
    ├── StartError            cannot start: the message says what to do; exit code 2
    │   ├── PortInUseError
    │   └── DataInUseError    another process works in the same data folder
    ├── UpstreamError         Azurite did not give an answer that can be used
    └── ClientGoneError       the client went away in the middle of its upload
"""


class StorageEmulatorError(Exception):
    """Root of this package's errors."""


class StartError(StorageEmulatorError):
    """The emulator cannot start."""


class PortInUseError(StartError):
    """Somebody else listens on a port that is needed."""

    def __init__(self, port: int, what: str, option: str) -> None:
        super().__init__(
            f"port {port} ({what}) is in use: stop what listens there, or give another with {option}"
        )


class DataInUseError(StartError):
    """Another storage emulator has the data folder open."""


class UpstreamError(StorageEmulatorError):
    """Azurite is away, or answered something unexpected."""


class ClientGoneError(StorageEmulatorError):
    """The request's body ended before its announced end."""
