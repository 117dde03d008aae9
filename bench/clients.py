"""The two Kafka clients side by side: CPU per 1,000 records, and one small transaction's time."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
import uuid

from runtime.broker import Broker, Outgoing, Span, TopicConfig
from runtime.client_choice import kafka_broker
from runtime.settings import Settings

RECORDS = 10_000
TRANSACTIONS = 60
HEADERS = (("ce_id", b"x" * 36), ("content-type", b"application/avro"))


async def measure(broker: Broker) -> dict[str, float]:
    """Publish, read back, and transact on a topic of its own."""
    topic, admin = f"bench-{uuid.uuid4().hex[:8]}", broker.admin()
    await admin.create([TopicConfig(topic, 3, {})], 1)
    publisher, transactional = broker.publisher(), broker.transactional_publisher(topic)
    await publisher.start()
    await transactional.start()
    try:
        records = [Outgoing(topic, b"%d" % (n % 500), b"v" * 400, HEADERS) for n in range(RECORDS)]
        cpu = time.process_time()
        await publisher.publish_all(records)
        written = time.process_time() - cpu
        cpu, read = time.process_time(), 0
        async for batch in broker.reader().scan_batches(Span(topic)):
            read += len(batch)
        reading = time.process_time() - cpu
        times = []
        for _ in range(TRANSACTIONS):
            began = time.perf_counter()
            await transactional.transact(records[:3])
            times.append((time.perf_counter() - began) * 1000)
    finally:
        await transactional.close()
        await publisher.close()
        await admin.delete([topic])
        await admin.close()
    return {
        "publish_cpu_s_per_1000": round(written * 1000 / RECORDS, 4),
        "read_cpu_s_per_1000": round(reading * 1000 / max(1, read), 4),
        "transaction_p50_ms": round(statistics.median(times), 1),
        "transaction_p95_ms": round(sorted(times)[int(len(times) * 0.95)], 1),
    }


async def main() -> None:
    """Print both clients' figures, and the machine's load, as JSON."""
    found: dict[str, object] = {"load": os.getloadavg()[0]}
    for client in ("kafka-python", "librdkafka"):
        settings = Settings.from_env({**os.environ, "HOOKLINE_KAFKA_CLIENT": client})
        found[client] = await measure(kafka_broker(settings))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
