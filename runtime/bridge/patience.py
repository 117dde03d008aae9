"""Calls again while a client says that it may help."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from runtime.bridge.failures import Dialect

T = TypeVar("T")

RETRY_PAUSE_S = 0.2


def patiently(call: Callable[[], T], timeout_s: float, dialect: Dialect) -> T:
    """Call again while a connection was lost, a leader moves.

    Only for what may be done twice; blocks, so not on a loop.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return call()
        except dialect.raised as error:
            if not dialect.is_passing(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_PAUSE_S)
