"""Answers that one thread gives and the loop waits for."""

from __future__ import annotations

import asyncio

from runtime.bridge.worker import on_loop


def tell(answer: asyncio.Future[None], outcome: BaseException | None) -> None:
    """Settle an answer from any thread; None: it went well."""
    on_loop(answer.get_loop(), _settle, answer, outcome)


def _settle(answer: asyncio.Future[None], outcome: BaseException | None) -> None:
    if answer.done():
        return
    if outcome is not None:
        answer.set_exception(outcome)
    else:
        answer.set_result(None)
