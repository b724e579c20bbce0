"""What a check finds, and what stops it.

BicepCheckError
├── TypeDataUnavailable   msmcp-azure is not installed, or its server does not answer
└── Unreadable            a file that is not there
"""

from dataclasses import dataclass
from pathlib import Path


class BicepCheckError(Exception):
    """The check could not be made; says nothing about the Bicep."""


class TypeDataUnavailable(BicepCheckError):
    pass


class Unreadable(BicepCheckError):
    pass


@dataclass(frozen=True, order=True)
class Fault:
    path: Path
    line: int
    """From 1."""
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"
