"""Tells the other members what an attempt says about its endpoint."""

from __future__ import annotations

from runtime.clock import Clock
from runtime.logs import get_logger
from webhook_service.board import Board
from webhook_service.courier import Dead, Verdict
from webhook_service.lane import Lane
from webhook_service.lane_states import breaker_state, disabled
from webhook_service.vitals import Sign

log = get_logger(__name__)


class LaneNews:
    """Writes to the board what this member sees."""

    def __init__(self, board: Board, clock: Clock, member: str) -> None:
        """Nothing was seen.

        Args:
            member: This process's name.
        """
        self._board = board
        self._clock = clock
        self._member = member

    def observe(self, lane: Lane, verdict: Verdict, sign: Sign | None, *, news: bool) -> None:
        """Tell what is worth it.

        Args:
            news: The lane's circuit has changed.
        """
        now = self._clock.now()
        if news:
            state = breaker_state(lane, now, self._member)
            self._board.tell(state)
            log.info("lane.breaker", webhook=lane.id, state=state.state, reason=state.reason)
        if lane.decided != "active":
            return
        if isinstance(verdict, Dead) and verdict.gone:
            lane.switch = disabled(lane, "gone", verdict.reason, now, self._member)
        elif sign and sign.failure and lane.has_failed_for_too_long(now.timestamp() * 1_000):
            lane.switch = disabled(lane, "failing", sign.failure, now, self._member)
        else:
            return
        self._board.tell(lane.switch)
        log.warning("webhook.disabled", webhook=lane.id, reason=lane.switch.reason)
