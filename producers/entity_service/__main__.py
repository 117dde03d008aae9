"""`python -m producers.entity_service`: the service of one entity (`HOOKLINE_ENTITY`) as a process."""

from __future__ import annotations

import uuid

from producers.entity_service.service import run_entity_service
from runtime.client_choice import kafka_broker
from runtime.clock import SystemClock
from runtime.process import Stop, run
from runtime.settings import Settings


async def main(settings: Settings, stop: Stop) -> None:
    """Wire the service to Kafka and the system's clock; ids of records and events are born here."""
    await run_entity_service(
        settings, stop, kafka_broker(settings), SystemClock(), new_id=uuid.uuid4
    )


if __name__ == "__main__":
    raise SystemExit(run(main, "entity_service"))
