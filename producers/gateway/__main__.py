"""`python -m producers.gateway`: the gateway as a process."""

from __future__ import annotations

from producers.gateway.service import run_gateway
from runtime.client_choice import kafka_broker
from runtime.clock import SystemClock
from runtime.process import Stop, run
from runtime.settings import Settings


async def main(settings: Settings, stop: Stop) -> None:
    """Wire the gateway to Kafka and the system's clock."""
    await run_gateway(settings, stop, kafka_broker(settings), SystemClock())


if __name__ == "__main__":
    raise SystemExit(run(main, "gateway"))
