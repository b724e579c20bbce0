"""A pluggable component's client as daprd is one: a channel on the socket, an instance name in every call."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2_grpc as stubs

TIMEOUT_S = 20.0


class Message:
    """A message that a stream delivered."""

    def __init__(self, response: Any) -> None:
        self.id = response.id
        self.data = response.data
        self.topic = response.topic_name
        self.content_type = response.content_type
        self.metadata = dict(response.metadata)

    @property
    def event(self) -> dict[str, Any]:
        """The data as a CloudEvent."""
        return dict(json.loads(self.data))


class Stream:
    """A PullMessages stream."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self._messages: asyncio.Queue[Message | Exception] = asyncio.Queue()
        # A read that is cancelled ends the call, so that waiting with a time limit must not be on the read itself.
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            while (response := await self.call.read()) is not grpc.aio.EOF:
                self._messages.put_nowait(Message(response))
            self._messages.put_nowait(EOFError("the stream ended"))
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            self._messages.put_nowait(
                error if isinstance(error, Exception) else EOFError("the stream was closed")
            )

    async def next(self, timeout_s: float = 5.0) -> Message:
        """The next message.

        Raises TimeoutError; EOFError where the stream ended, grpc.aio.AioRpcError where it ended with an error.
        """
        async with asyncio.timeout(timeout_s):
            message = await self._messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def ack(self, message: Message) -> None:
        """The handler succeeded."""
        await self.call.write(pb.PullMessagesRequest(ack_message_id=message.id))

    async def nack(self, message: Message, reason: str = "handler failed") -> None:
        """The handler failed."""
        await self.call.write(
            pb.PullMessagesRequest(ack_message_id=message.id, ack_error=pb.AckMessageError(message=reason))
        )

    def close(self) -> None:
        """As daprd does when it goes."""
        self.call.cancel()


class Client:
    """One sidecar's view of one component instance."""

    def __init__(self, channel: grpc.aio.Channel, instance: str) -> None:
        self.stub = stubs.PubSubStub(channel)
        self.instance = instance
        self._metadata = (("x-component-instance", instance),)

    async def init(self, **properties: str) -> None:
        """Initialise with these metadata fields."""
        request = pb.PubSubInitRequest(metadata=pb.MetadataRequest(properties=properties))
        await self.call("Init", request)

    async def call(self, method: str, request: Any) -> Any:
        """Any unary method."""
        return await getattr(self.stub, method)(request, metadata=self._metadata, timeout=TIMEOUT_S)

    async def publish(self, topic: str, data: bytes | dict[str, Any], **metadata: str) -> None:
        """Publish one message."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        await self.call(
            "Publish", pb.PublishRequest(topic=topic, pubsub_name=self.instance, data=body, metadata=metadata)
        )

    async def bulk_publish(self, topic: str, events: dict[str, bytes | dict[str, Any]]) -> None:
        """Publish entries."""
        entries = [
            pb.BulkMessageEntry(
                entry_id=entry_id, event=event if isinstance(event, bytes) else json.dumps(event).encode()
            )
            for entry_id, event in events.items()
        ]
        request = pb.BulkPublishRequest(topic=topic, pubsub_name=self.instance, entries=entries)
        answer = await self.call("BulkPublish", request)
        assert not answer.failed_entries

    async def pause(self) -> None:
        """As daprd does before it stops."""
        await self.call("Pause", pb.PauseRequest())

    async def resume(self) -> None:
        """The opposite."""
        await self.call("Resume", pb.ResumeRequest())

    async def subscribe(self, topic: str, **metadata: str) -> Stream:
        """Open a stream."""
        call = self.stub.PullMessages(metadata=self._metadata)
        await call.write(pb.PullMessagesRequest(topic=pb.Topic(name=topic, metadata=metadata)))
        return Stream(call)


@asynccontextmanager
async def connected(socket: Path, instance: str = "image-events") -> AsyncIterator[Client]:
    """A client on a connection of its own."""
    channel = grpc.aio.insecure_channel(f"unix:{socket}", options=[("grpc.use_local_subchannel_pool", 1)])
    try:
        yield Client(channel, instance)
    finally:
        await channel.close(None)
