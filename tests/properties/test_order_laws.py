"""Nothing overtakes and nothing is lost, over random histories: see `tests.quick_history`."""

from __future__ import annotations

import asyncio
import logging
import os

import pytest
import structlog

from tests.quick_history import Random, quickly

#: Thousands more are lived with `ORDER_HISTORIES=10000 pytest tests/properties/test_order_laws.py`.
HISTORIES = int(os.environ.get("ORDER_HISTORIES", "200"))
FIRST = int(os.environ.get("ORDER_FIRST", "0"))


@pytest.fixture(autouse=True)
def _quiet():
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**kept)


def test_no_delivery_overtakes_another_of_its_record_whatever_happens():
    with quickly():
        for seed in range(FIRST, FIRST + HISTORIES):
            history = Random(seed)

            asyncio.run(history.live())

            assert history.inversions() == [], f"seed {seed}: {history.plan}"
