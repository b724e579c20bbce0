"""What is simulated: the classifier's part of a deployment, and what stands in its way."""

from dataclasses import dataclass

from bench.sizes import Size


@dataclass(frozen=True)
class Plant:
    """``through_per_s``: pictures a second that Service Bus and Cosmos DB let pass; None: no bound.
    ``outage``: the seconds (from, until) in which Vision answers nothing but 503.
    """

    accounts: int
    account_calls_per_s: float
    share_per_s: float
    handlers: int
    min_replicas: int
    max_replicas: int
    messages_per_replica: int
    through_per_s: float | None = None
    outage: tuple[int, int] | None = None

    @property
    def vision_calls_per_s(self) -> float:
        return self.accounts * self.account_calls_per_s


def of(size: Size) -> Plant:
    """As the size is deployed."""
    return Plant(
        accounts=size.accounts,
        account_calls_per_s=size.account_calls_per_s,
        share_per_s=size.share_per_s,
        handlers=size.handlers,
        min_replicas=size.classifier.min_replicas,
        max_replicas=size.classifier.max_replicas,
        messages_per_replica=size.classifier.target,
    )
