"""`make soak`, small: the same code, fewer events, the same promises."""

from __future__ import annotations

import asyncio
import os

import pytest

from runtime.local_broker import JvmBroker
from schemas.errors import ConfigurationError
from soak.plan import Plan
from soak.run import soak
from soak.system import BROKER

PLAN = Plan(
    events=20_000,
    records=500,
    rate=600,
    backlog=5_000,
    kill_every_s=7.0,
    still_s=5.0,
    give_up_s=180.0,
    partitions=3,
)


async def test_every_event_exactly_once_in_order_and_by_one_version_under_fire(tmp_path):
    broker = JvmBroker(os.environ, overrides=BROKER)
    try:
        await asyncio.to_thread(broker.start)
    except ConfigurationError as error:
        pytest.skip(str(error))
    try:
        verdict = await soak(PLAN, broker, os.environ, tmp_path)
    finally:
        await asyncio.to_thread(broker.close)

    said = "\n".join(path.read_text()[-3_000:] for path in sorted(tmp_path.glob("*.log")))
    assert verdict.problems == (), f"{verdict.figures}\n{said}"
    assert verdict.figures["kills"] >= 2
    assert verdict.figures["changes"] >= 100
