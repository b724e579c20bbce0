"""A publisher that keeps what it is given: what ``services.platform.dapr.publisher.Publisher`` sends."""

from dataclasses import dataclass

from pydantic import BaseModel

from tests.support.fakes.faults import Faults


@dataclass(frozen=True)
class Published:
    topic: str
    type: str
    subject: str
    data: BaseModel


class FakePublisher:
    """``events`` has what was published, in order."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.events: list[Published] = []

    async def publish(self, topic: str, event_type: str, subject: str, data: BaseModel) -> None:
        async with self.faults.call("publish"):
            self.events.append(Published(topic, event_type, subject, data))

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]
