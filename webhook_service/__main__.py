"""`python -m webhook_service`: one member as a process."""

from __future__ import annotations

import gc
import random
import time
import uuid

from runtime.client_choice import kafka_broker
from runtime.clock import SystemClock
from runtime.process import Stop, run
from runtime.settings import Settings
from webhook_service.assembly import World, run_webhook_service


async def main(settings: Settings, stop: Stop) -> None:
    """Wire the service to Kafka, the network and the system's clock."""
    # What exists by now stays.  Deliveries make many short-lived objects and hardly any cycles, so
    # looking for these less often saves a tenth of the CPU and costs a few megabytes.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    world = World(
        broker=kafka_broker(settings),
        clock=SystemClock(),
        chance=random.Random().random,  # noqa: S311 - jitter, no secret; the system's costs 4 µs
        seconds=time.perf_counter,
        instance=settings.instance or uuid.uuid4().hex,
    )
    await run_webhook_service(settings, stop, world)


if __name__ == "__main__":
    raise SystemExit(run(main, "webhook_service"))
