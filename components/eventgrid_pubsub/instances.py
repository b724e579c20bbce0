"""Component instances: who daprd has initialised, with which settings.

A sidecar has one connection a component; on it come Init, Publish and PullMessages. The connection and the name of the
component tell whose settings count. daprd's gRPC drops a connection that was idle for half an hour and opens another
one without a new Init: then the name alone has to do.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from components.eventgrid_pubsub.errors import AmbiguousConsumer, InvalidMetadata, NotInitialised
from components.eventgrid_pubsub.metadata import parse
from components.eventgrid_pubsub.session import Session
from components.eventgrid_pubsub.telemetry import Metrics
from components.eventgrid_pubsub.tracing import Tracing

CLOSE_TIMEOUT_S = 3.0


class Instances:
    """Every session of one socket."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._bound: dict[tuple[str, str], Session] = {}
        self._latest: dict[str, dict[str, Session]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("instances")

    def init(self, peer: str, instance: str, properties: Mapping[str, str]) -> None:
        """daprd initialises an instance, for the first time or anew.

        A repeated Init on one connection ends what the first one set up. What other connections have open goes on:
        another sidecar may have a component of the same name.
        Raises InvalidMetadata and CredentialsUnavailable.
        """
        settings = parse(properties)
        session = Session(instance, settings, self._metrics, self._tracing)
        replaced = self._bound.get((peer, instance))
        self._bound[peer, instance] = session
        consumers = self._latest.setdefault(instance, {})
        outdated = consumers.pop(settings.consumer_id, None)
        consumers[settings.consumer_id] = session  # the latest Init comes last
        for old in {replaced, outdated} - {None}:
            if old is not None and old not in self._bound.values():
                self._close(old)
        self._log.info(
            "initialised", instance=instance, consumer_id=settings.consumer_id, endpoint=settings.endpoint
        )

    def disconnected(self, peer: str) -> None:
        """A connection ended, and with it its streams. The last settings of a consumer are kept."""
        for key in [key for key in self._bound if key[0] == peer]:
            session = self._bound.pop(key)
            if session not in self._latest[session.instance].values():
                self._close(session)

    def for_publishing(self, peer: str, instance: str) -> Session:
        """The session whose settings publish. Raises NotInitialised."""
        session = self._bound.get((peer, instance))
        return session if session is not None else list(self._known(instance).values())[-1]

    def for_subscribing(self, peer: str, instance: str, consumer_id: str) -> tuple[Session, str]:
        """The session of a new stream, and the name of its event subscription.

        ``consumer_id`` is what the subscription's metadata says, empty if nothing.
        Raises NotInitialised, AmbiguousConsumer and InvalidMetadata.
        """
        session = self._bound.get((peer, instance))
        if session is None:
            consumers = self._known(instance)
            if not consumer_id and len(consumers) > 1:
                raise AmbiguousConsumer(
                    f"component {instance!r} was initialised for {', '.join(sorted(consumers))}, and not on this "
                    "connection: change a value in the component's metadata, and daprd initialises it again"
                )
            session = consumers.get(consumer_id) or list(consumers.values())[-1]
        name = consumer_id or session.settings.consumer_id
        if not name:
            raise InvalidMetadata(["consumerID: missing; allowed is the name of the event subscription"])
        return session, name

    def bound(self, peer: str, instance: str) -> Session:
        """The session to pause or resume. Raises NotInitialised."""
        return self.for_publishing(peer, instance)

    def status(self) -> list[dict[str, Any]]:
        """For /healthz."""
        return [session.status() for session in self._all()]

    async def close(self, grace_s: float) -> None:
        """Stop every session."""
        await asyncio.gather(*(session.close(grace_s) for session in self._all()))
        if self._closing:
            await asyncio.wait(self._closing, timeout=CLOSE_TIMEOUT_S)

    def _known(self, instance: str) -> dict[str, Session]:
        consumers = self._latest.get(instance)
        if not consumers:
            raise NotInitialised(
                f"component {instance!r} is not initialised; if the component was restarted, change a value in its "
                "metadata, and daprd initialises it again"
            )
        return consumers

    def _all(self) -> set[Session]:
        latest = {session for consumers in self._latest.values() for session in consumers.values()}
        return latest | set(self._bound.values())

    def _close(self, session: Session) -> None:
        task = asyncio.create_task(session.close(0))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
