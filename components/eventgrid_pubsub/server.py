"""The gRPC service that daprd speaks to: translates, and nothing more."""

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
import structlog

from components.eventgrid_pubsub.cloudevents import CONTENT_TYPE, to_publish, unwrap
from components.eventgrid_pubsub.delivery import Delivery
from components.eventgrid_pubsub.errors import ComponentError, InvalidEvent, NotAllPublished
from components.eventgrid_pubsub.instances import Instances
from components.eventgrid_pubsub.lanes import Lane
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2_grpc as stubs

FEATURES = ("BULK_PUBSUB", "BULK_SUBSCRIBE_IMMEDIATE")
"""Event Grid has no time to live per event, so Dapr keeps MESSAGE_TTL itself. daprd hands over one message of a stream
at a time, so its bulk subscriber must not wait for a batch to fill."""
INSTANCE_KEY = "x-component-instance"
MAX_DETAILS = 2_000

_log = structlog.get_logger("server")


def _instance(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == INSTANCE_KEY:
            return str(value)
    return ""


async def _abort(context: Any, error: ComponentError) -> None:
    # gRPC drops a call whose trailers are too long.
    await context.abort(error.status, str(error)[:MAX_DETAILS])


def _yes(value: str) -> bool:
    return value.strip().lower() in {"true", "yes", "y", "on", "1", "t"}


class PubSub(stubs.PubSubServicer):  # type: ignore[misc]
    """dapr.proto.components.v1.PubSub over the sessions of one socket."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances

    async def Init(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Validates the metadata. INVALID_ARGUMENT names every field at fault."""
        try:
            self._instances.init(context.peer(), _instance(context), dict(request.metadata.properties))
        except ComponentError as error:
            _log.error("init refused", instance=_instance(context), error=str(error))
            await _abort(context, error)
        return pb.PubSubInitResponse()

    async def Features(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """What the component does itself."""
        return pb.FeaturesResponse(features=FEATURES)

    async def Ping(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Liveness."""
        return pb.PingResponse()

    async def Publish(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Returns once Event Grid has the event."""
        try:
            event = to_publish(request.data, request.metadata, request.content_type, request.pubsub_name)
            session = self._instances.for_publishing(context.peer(), _instance(context))
            errors = await session.publisher(request.topic.split("#", 1)[0]).publish((event,))
        except ComponentError as error:
            errors = {0: error}
        if errors:
            await _abort(context, errors[0])
        return pb.PublishResponse()

    async def BulkPublish(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Publishes every entry, or fails and names those it did not.

        failed_entries stays empty: daprd up to 1.18 takes an answer that carries it for a success, and the app would
        never know. Entries that cannot be published are found before any is sent.
        """
        invalid: dict[str, ComponentError] = {}
        events: list[bytes] = []
        for entry in request.entries:
            metadata = {**request.metadata, **entry.metadata}
            try:
                events.append(to_publish(entry.event, metadata, entry.content_type, request.pubsub_name))
            except InvalidEvent as error:
                invalid[entry.entry_id] = error
        try:
            if invalid:
                raise NotAllPublished(invalid, 0)
            session = self._instances.for_publishing(context.peer(), _instance(context))
            errors = await session.publisher(request.topic.split("#", 1)[0]).publish(events)
            if errors:
                failed = {request.entries[index].entry_id: error for index, error in errors.items()}
                raise NotAllPublished(failed, len(events) - len(errors))
        except ComponentError as error:
            await _abort(context, error)
        return pb.BulkPublishResponse()

    async def Pause(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Hands over nothing more; streams and handlers go on."""
        try:
            self._instances.bound(context.peer(), _instance(context)).pause()
        except ComponentError as error:
            await _abort(context, error)
        return pb.PauseResponse()

    async def Resume(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """The opposite of Pause."""
        try:
            self._instances.bound(context.peer(), _instance(context)).resume()
        except ComponentError as error:
            await _abort(context, error)
        return pb.ResumeResponse()

    async def PullMessages(self, request_iterator: Any, context: Any) -> None:  # noqa: N802, ARG002
        """One stream, one lane: events out, results in."""
        first = await context.read()
        if first is grpc.aio.EOF:
            return
        if not first.topic.name.split("#", 1)[0]:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the first message of a stream must name a topic"
            )
        metadata = {key.lower(): value for key, value in first.topic.metadata.items()}
        try:
            session, consumer_id = self._instances.for_subscribing(
                context.peer(), _instance(context), metadata.get("consumerid", "").strip()
            )
        except ComponentError as error:
            _log.error(
                "stream refused", instance=_instance(context), topic=first.topic.name, error=str(error)
            )
            await _abort(context, error)
        lane = session.open_lane(first.topic.name, consumer_id, raw=_yes(metadata.get("rawpayload", "")))
        log = _log.bind(instance=session.instance, topic=lane.name, consumer_id=consumer_id)
        log.info("stream opened")
        try:
            await _first_to_end((_send(lane, context), _hear(lane, context)))
        finally:
            lane.close()
            log.info("stream closed")


async def _first_to_end(both: Iterable[Any]) -> None:
    tasks = [asyncio.ensure_future(one) for one in both]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _send(lane: Lane, context: Any) -> None:
    while await lane.wait():
        await _empty_outbox(lane, context)


async def _hear(lane: Lane, context: Any) -> None:
    while True:
        answer = await context.read()
        if answer is grpc.aio.EOF:
            return
        error = answer.ack_error.message if answer.HasField("ack_error") else None
        lane.answered(answer.ack_message_id, error)
        await _empty_outbox(lane, context)


async def _empty_outbox(lane: Lane, context: Any) -> None:
    # A stream takes one write at a time. Whoever comes first writes everything that is there.
    if lane.writing:
        return
    lane.writing = True
    try:
        while lane.outbox:
            message_id, delivery = lane.outbox.popleft()
            await context.write(_message(lane, message_id, delivery))
    finally:
        lane.writing = False


def _message(lane: Lane, message_id: str, delivery: Delivery) -> Any:
    body, content_type = delivery.body, CONTENT_TYPE
    if lane.raw and delivery.head.daprrawpayload:
        body, content_type = unwrap(body)
    return pb.PullMessagesResponse(
        data=body,
        topic_name=lane.name,
        metadata={"id": delivery.event_id, "deliverycount": str(delivery.count)},
        content_type=content_type,
        id=message_id,
    )
