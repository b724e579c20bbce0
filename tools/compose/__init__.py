"""What docker-compose.yml needs besides the programs: Dapr's files in a volume, kept right while containers restart.

ComposeError        the root
└── CosmosError     the Cosmos emulator refuses to make the database or the container
"""


class ComposeError(Exception):
    """The root."""


class CosmosError(ComposeError):
    """The Cosmos emulator refuses to make the database or the container."""
