"""Component instances: who daprd has initialised, with which settings, and what runs for them.

daprd names the instance (the component's name) in every call, and the consumer id in Init alone. Several sidecars may
share a socket, each with a component of the same name: then a subscription's own ``consumerID`` tells them apart, and
without it a stream is refused rather than given somebody else's events. A sockets folder per sidecar needs none of it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from components.eventgrid_pubsub.auth import authorizer
from components.eventgrid_pubsub.client import EventGridClient
from components.eventgrid_pubsub.errors import AmbiguousConsumer, InvalidMetadata, NotInitialised
from components.eventgrid_pubsub.lanes import Lane
from components.eventgrid_pubsub.metadata import ComponentSettings, parse
from components.eventgrid_pubsub.publisher import TopicPublisher
from components.eventgrid_pubsub.receiver import Receiver
from components.eventgrid_pubsub.telemetry import Calls, Metrics, SubscriptionMetrics

DRAIN_S = 1.5


class Session:
    """What one Init set up: a client, its publishers and its receivers."""

    def __init__(self, instance: str, settings: ComponentSettings, metrics: Metrics) -> None:
        self.instance = instance
        self.settings = settings
        self._metrics = metrics
        self._calls = Calls(metrics, instance)
        self._client = EventGridClient(settings.endpoint, authorizer(settings), self._calls)
        self._publishers: dict[str, TopicPublisher] = {}
        self._receivers: dict[tuple[str, str], Receiver] = {}
        self.paused = False
        self.superseded = False

    @property
    def streams(self) -> int:
        """Streams open now."""
        return sum(receiver.lanes for receiver in self._receivers.values())

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
            )
            self._publishers[topic] = found
        return found

    def open_lane(self, name: str, consumer_id: str, raw: bool) -> Lane:
        """A lane for the Dapr topic ``name``: the part before ``#`` is the topic of Event Grid."""
        topic = name.split("#", 1)[0]
        receiver = self._receivers.get((topic, consumer_id))
        if receiver is None:
            labels = (self.instance, topic, consumer_id)
            receiver = Receiver(
                self._client,
                self.settings,
                topic,
                consumer_id,
                SubscriptionMetrics(self._metrics, labels),
                self._calls,
            )
            self._receivers[topic, consumer_id] = receiver
        if self.paused:
            receiver.pause()
        return receiver.open_lane(name, raw)

    def pause(self) -> None:
        """Hand over nothing more until resume."""
        self.paused = True
        for receiver in self._receivers.values():
            receiver.pause()

    def resume(self) -> None:
        """The opposite of pause."""
        self.paused = False
        for receiver in self._receivers.values():
            receiver.resume()

    async def close(self, grace_s: float) -> None:
        """Stop everything; see Receiver.close."""
        await asyncio.gather(*(receiver.close(grace_s) for receiver in self._receivers.values()))
        await asyncio.gather(*(publisher.drain(DRAIN_S) for publisher in self._publishers.values()))
        await self._client.close()

    def status(self) -> dict[str, Any]:
        """For /healthz."""
        return {
            "instance": self.instance,
            "endpoint": self.settings.endpoint,
            "consumer_id": self.settings.consumer_id,
            "paused": self.paused,
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


class Instances:
    """Every session of one socket, by instance name and consumer id."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._sessions: dict[str, dict[str, Session]] = {}
        self._latest: dict[str, Session] = {}
        self._retired: set[Session] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("instances")

    def init(self, instance: str, properties: Mapping[str, str]) -> None:
        """daprd initialises an instance, for the first time or anew.

        New streams and publishes use the new settings. Streams that are open go on with theirs: daprd closes its own
        before it initialises again, so what is still open belongs to another sidecar.
        Raises InvalidMetadata and CredentialsUnavailable.
        """
        settings = parse(properties)
        session = Session(instance, settings, self._metrics)
        consumers = self._sessions.setdefault(instance, {})
        previous = consumers.get(settings.consumer_id)
        consumers[settings.consumer_id] = session
        self._latest[instance] = session
        if previous is not None:
            previous.superseded = True
            self._retired.add(previous)
            self._retire(previous)
        self._log.info(
            "initialised", instance=instance, consumer_id=settings.consumer_id, endpoint=settings.endpoint
        )

    def for_publishing(self, instance: str) -> Session:
        """The session whose settings publish. Raises NotInitialised."""
        session = self._latest.get(instance)
        if session is None:
            raise NotInitialised(f"component {instance!r} is not initialised")
        return session

    def for_subscribing(self, instance: str, consumer_id: str) -> tuple[Session, str]:
        """The session of a new stream, and the name of its event subscription.

        ``consumer_id`` is what the subscription's metadata says, empty if nothing.
        Raises NotInitialised, AmbiguousConsumer and InvalidMetadata.
        """
        consumers = self._sessions.get(instance)
        if not consumers:
            raise NotInitialised(f"component {instance!r} is not initialised")
        if consumer_id:
            return consumers.get(consumer_id) or self._latest[instance], consumer_id
        if len(consumers) > 1:
            raise AmbiguousConsumer(
                f"component {instance!r} was initialised for the consumers {', '.join(sorted(consumers))} through one "
                "socket: name yours as consumerID in the subscription's metadata, or give every sidecar its own "
                "DAPR_COMPONENTS_SOCKETS_FOLDER"
            )
        name, session = next(iter(consumers.items()))
        if not name:
            raise InvalidMetadata(["consumerID: missing; allowed is the name of the event subscription"])
        return session, name

    def stream_closed(self, session: Session) -> None:
        """A stream of the session ended."""
        if session.superseded:
            self._retire(session)
        elif session.paused:
            # daprd pauses when it stops, and its streams end then. Another consumer of the same name goes on.
            for other in self._sessions.get(session.instance, {}).values():
                if other is not session:
                    other.resume()

    def pause(self, instance: str) -> None:
        """Pause every session of the instance. Raises NotInitialised."""
        for session in self._known(instance):
            session.pause()

    def resume(self, instance: str) -> None:
        """The opposite of pause. Raises NotInitialised."""
        for session in self._known(instance):
            session.resume()

    def status(self) -> list[dict[str, Any]]:
        """For /healthz."""
        return [session.status() for session in self._all()]

    async def close(self, grace_s: float) -> None:
        """Stop every session."""
        await asyncio.gather(*(session.close(grace_s) for session in self._all()))
        if self._closing:
            await asyncio.wait(self._closing, timeout=DRAIN_S)

    def _known(self, instance: str) -> list[Session]:
        consumers = self._sessions.get(instance)
        if not consumers:
            raise NotInitialised(f"component {instance!r} is not initialised")
        return list(consumers.values())

    def _all(self) -> list[Session]:
        current = [session for consumers in self._sessions.values() for session in consumers.values()]
        return current + list(self._retired)

    def _retire(self, session: Session) -> None:
        if session.streams or session not in self._retired:
            return
        self._retired.discard(session)
        task = asyncio.create_task(session.close(0))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
