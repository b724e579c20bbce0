"""The app at the end of each measurement: counts deliveries, notes when each came and how long it had been under way.

Run as `python -m bench.pubsub.subscriber PORT LANES DELAY_S`. Events carry the publisher's clock in `data.at`.
"""

import asyncio
import sys
import time
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

TOPIC = "bench"


def create_app(lanes: int, delay_s: float) -> FastAPI:
    app = FastAPI()
    arrivals: list[float] = []
    latencies: list[float] = []
    done = Response(b'{"status":"SUCCESS"}', media_type="application/json")

    @app.get("/dapr/subscribe")
    async def subscriptions() -> list[dict[str, Any]]:
        names = [TOPIC, *(f"{TOPIC}#{n}" for n in range(1, lanes))]
        return [{"pubsubname": "bench", "topic": name, "route": "/events"} for name in names]

    @app.post("/events")
    async def event(request: Request) -> Response:
        body = orjson.loads(await request.body())
        if delay_s:
            await asyncio.sleep(delay_s)
        now = time.time()
        arrivals.append(now)
        latencies.append(now - body["data"]["at"])
        return done

    @app.get("/seen")
    async def seen() -> dict[str, Any]:
        ordered = sorted(latencies)
        return {
            "count": len(arrivals),
            "first": arrivals[0] if arrivals else None,
            "last": arrivals[-1] if arrivals else None,
            "p50_ms": ordered[len(ordered) // 2] * 1000 if ordered else None,
            "p95_ms": ordered[int(len(ordered) * 0.95)] * 1000 if ordered else None,
        }

    @app.delete("/seen")
    async def forget() -> dict[str, str]:
        arrivals.clear()
        latencies.clear()
        return {}

    return app


def main() -> None:
    port, lanes, delay_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    uvicorn.run(
        create_app(lanes, delay_s), host="127.0.0.1", port=port, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
