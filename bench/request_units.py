"""Request units of Cosmos DB for what one picture asks of the state store.

From Azure's own figures ("Optimize request cost in Azure Cosmos DB"): a point read of 1 kB takes 1 unit and of 100 kB
10; an insert of 1 kB without indexing about 5.5, and a replace twice as much; writes of 100 kB ten times those of 1 kB;
bounded staleness doubles reads. Sizes between are interpolated. Deploying, one reads the charge of each request in its
answer: these are estimates.
"""

from typing import Final

from bench.operations import Operations

READ_1KB: Final = 1.0
READ_PER_KB: Final = 9 / 99
INSERT_1KB: Final = 5.5
WRITE_PER_KB: Final = 45 / 99
REPLACE_FACTOR: Final = 2.0
# deploy/bicep/modules/cosmos.bicep: BoundedStaleness; Dapr leaves the account's level as it is unless it is asked.
CONSISTENCY_FACTOR: Final = 2.0


def read(kb: int) -> float:
    """A point read."""
    return CONSISTENCY_FACTOR * (READ_1KB + READ_PER_KB * (kb - 1))


def insert(kb: int) -> float:
    """A new document, or a deletion."""
    return INSERT_1KB + WRITE_PER_KB * (kb - 1)


def replace(kb: int) -> float:
    return REPLACE_FACTOR * insert(kb)


def rows(operations: Operations) -> list[tuple[str, int, float]]:
    """What is asked, how often, and units each time; the last row is the claim's expiry."""
    found = []
    for service, operation, document, number in operations.state:
        kb = operations.claim_kb
        if document == "record":
            # Ingest writes, and the classifier reads, the record without an analysis; query reads both kinds.
            kb = operations.final_kb if operation == "replace" or service == "query" else operations.first_kb
        units = {"get": read, "create": insert, "replace": replace, "delete": insert}[operation](kb)
        found.append((f"{service}: {operation} {document}, {kb} kB", number, units))
    claims = sum(
        number
        for _, operation, document, number in operations.state
        if (operation, document) == ("create", "claim")
    )
    found.append(("Cosmos DB: expiry of the claim", claims, insert(operations.claim_kb)))
    return found


def per_picture(operations: Operations) -> float:
    """All of them."""
    return sum(number * units for _, number, units in rows(operations))
