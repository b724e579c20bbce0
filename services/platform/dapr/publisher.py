"""Publishing CloudEvents of our own types through Dapr pub/sub."""

import json
import uuid

from pydantic import BaseModel

from services.platform.dapr.sidecar import Sidecar
from services.platform.tracing import current_traceparent


class Publisher:
    """One pub/sub component; events carry ``source``, the app's id. Raises SidecarUnavailable."""

    def __init__(self, sidecar: Sidecar, pubsub: str, source: str) -> None:
        self._sidecar = sidecar
        self._pubsub = pubsub
        self._source = source

    async def publish(self, topic: str, event_type: str, subject: str, data: BaseModel) -> None:
        """Send one event, joined to the trace of the request or delivery that it comes from."""
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"/claimlens/{self._source}",
            "type": event_type,
            "subject": subject,
            "datacontenttype": "application/json",
            "data": data.model_dump(mode="json", exclude_none=True),
        }
        if traceparent := current_traceparent():
            event["traceparent"] = traceparent
        async with self._sidecar.calling(f"publishing {event_type}") as client:
            await client.publish_event(
                self._pubsub, topic, json.dumps(event), data_content_type="application/cloudevents+json"
            )
