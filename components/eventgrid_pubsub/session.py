"""What one Init sets up: a client of Event Grid, its publishers and its receivers."""

import asyncio
from typing import Any

from components.eventgrid_pubsub.auth import authorizer
from components.eventgrid_pubsub.client import EventGridClient
from components.eventgrid_pubsub.lanes import Lane
from components.eventgrid_pubsub.metadata import ComponentSettings
from components.eventgrid_pubsub.publisher import TopicPublisher
from components.eventgrid_pubsub.receiver import Receiver
from components.eventgrid_pubsub.telemetry import Calls, Metrics, SubscriptionMetrics
from components.eventgrid_pubsub.tracing import Tracing

DRAIN_S = 1.5


class Session:
    """One component instance of one sidecar."""

    def __init__(
        self, instance: str, settings: ComponentSettings, metrics: Metrics, tracing: Tracing
    ) -> None:
        self.instance = instance
        self.settings = settings
        self._metrics = metrics
        self._tracing = tracing
        self._calls = Calls(metrics, instance)
        self._client = EventGridClient(settings.endpoint, authorizer(settings), self._calls)
        self._publishers: dict[str, TopicPublisher] = {}
        self._receivers: dict[tuple[str, str], Receiver] = {}
        self._paused = False

    def publisher(self, topic: str) -> TopicPublisher:
        """The publisher of a topic."""
        found = self._publishers.get(topic)
        if found is None:
            found = TopicPublisher(
                self._client,
                topic,
                self.settings.publish_timeout_s,
                self._metrics,
                self.instance,
                self._calls,
                self._tracing,
            )
            self._publishers[topic] = found
        return found

    def open_lane(self, name: str, consumer_id: str, raw: bool) -> Lane:
        """A lane for the Dapr topic ``name``: the part before ``#`` is the topic of Event Grid."""
        topic = name.split("#", 1)[0]
        receiver = self._receivers.get((topic, consumer_id))
        if receiver is None:
            labels = (self.instance, topic, consumer_id)
            metrics = SubscriptionMetrics(self._metrics, labels)
            receiver = Receiver(
                self._client, self.settings, topic, consumer_id, metrics, self._calls, self._tracing
            )
            self._receivers[topic, consumer_id] = receiver
            if self._paused:
                receiver.pause()
        return receiver.open_lane(name, raw)

    def pause(self) -> None:
        """Hand over nothing more until resume."""
        self._paused = True
        for receiver in self._receivers.values():
            receiver.pause()

    def resume(self) -> None:
        """The opposite of pause."""
        self._paused = False
        for receiver in self._receivers.values():
            receiver.resume()

    async def close(self, grace_s: float) -> None:
        """Stop everything; see Receiver.close. Streams end."""
        await asyncio.gather(
            *(receiver.close(grace_s) for receiver in self._receivers.values()),
            *(publisher.drain(DRAIN_S) for publisher in self._publishers.values()),
        )
        await self._client.close()

    def status(self) -> dict[str, Any]:
        """For /healthz."""
        return {
            "instance": self.instance,
            "endpoint": self.settings.endpoint,
            "consumer_id": self.settings.consumer_id,
            "paused": self._paused,
            "subscriptions": [
                {
                    "topic": receiver.topic,
                    "subscription": receiver.subscription,
                    "lanes": receiver.lanes,
                    "in_flight": receiver.in_flight,
                    "problem": receiver.problem,
                }
                for receiver in self._receivers.values()
                if receiver.lanes
            ],
        }
