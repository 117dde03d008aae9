"""The tests' own guard: a unit test that does I/O, or sleeps, fails."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.waiting import until, wait_until


def bind() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))


@pytest.mark.parametrize(
    "forbidden",
    [
        pytest.param(lambda: socket.create_connection(("127.0.0.1", 9)), id="connecting"),
        pytest.param(bind, id="listening"),
        pytest.param(lambda: subprocess.run([sys.executable, "-V"], check=False), id="a process"),
        pytest.param(os.fork, id="a fork"),
        pytest.param(lambda: time.sleep(0), id="sleeping"),
    ],
)
def test_a_unit_test_cannot(forbidden: Callable[[], object]):
    with pytest.raises(AssertionError, match="do no I/O"):
        forbidden()


async def test_waiting_ends_when_the_condition_is_true():
    seen = iter([False, False, True])

    await until(lambda: next(seen))


async def test_waiting_accepts_an_async_condition():
    async def condition() -> bool:
        return True

    await until(condition)


async def test_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match=r"no record came \(waited 0 s\)"):
        await until(lambda: False, within=0, message=lambda: "no record came")


def test_without_a_loop_it_is_the_same():
    wait_until(lambda: True)
    with pytest.raises(AssertionError, match="nothing happened"):
        wait_until(lambda: False, within=-1, message="nothing happened")
