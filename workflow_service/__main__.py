"""`python -m workflow_service`: one member as a process."""

from __future__ import annotations

import uuid

from runtime.client_choice import kafka_broker
from runtime.clock import SystemClock
from runtime.process import Stop, run
from runtime.settings import Settings
from workflow_service.assembly import run_workflow_service


async def main(settings: Settings, stop: Stop) -> None:
    """Wire the service to Kafka and the system's clock."""
    instance = settings.instance or uuid.uuid4().hex
    await run_workflow_service(settings, stop, kafka_broker(settings), SystemClock(), instance)


if __name__ == "__main__":
    raise SystemExit(run(main, "workflow_service"))
