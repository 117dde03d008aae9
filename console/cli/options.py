"""Options and argument types that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"(\d+)([smhd])")


class Since(click.ParamType[timedelta | datetime]):
    """An age (`90s`, `15m`, `2h`, `7d`) or an instant (RFC 3339)."""

    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime:
        """Read either form."""
        if isinstance(value, timedelta | datetime):
            return value
        if age := _AGO.fullmatch(str(value)):
            return timedelta(**{_UNITS[age[2]]: int(age[1])})
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r}: expected an age such as 15m, 2h or 7d, or an instant", param, ctx
            )
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class Duration(click.ParamType[timedelta]):
    """A length of time: `0s`, `90s`, `15m`, `24h`, `7d`."""

    name = "duration"

    def __init__(self, most: timedelta) -> None:
        """Accept up to `most`."""
        self._most = most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read a number with its unit."""
        if isinstance(value, timedelta):
            return value
        found = _AGO.fullmatch(str(value))
        length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
        if length is None or length > self._most:
            most = self._most.days
            self.fail(f"{value!r}: expected up to {most} days, such as 30m, 24h or 7d", param, ctx)
        return length


class Rate(click.ParamType[float]):
    """So many per second: `5/s`, `0.5/s`, `5`."""

    name = "N/s"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number before `/s`."""
        if isinstance(value, float):
            return value
        try:
            rate = float(str(value).removesuffix("/s"))
        except ValueError:
            rate = 0.0
        if not 0 < rate < 1_000_000:  # noqa: PLR2004
            self.fail(f"{value!r}: expected a number per second above 0, such as 5/s", param, ctx)
        return rate


def bound(since: timedelta | datetime | None, now: datetime) -> datetime | None:
    """The instant that a `--since` means."""
    return now - since if isinstance(since, timedelta) else since


def since_option(default: str | None = None) -> Callable[[F], F]:
    """`--since`, with how far back a command looks otherwise."""
    return click.option(
        "--since",
        type=Since(),
        default=default,
        show_default=default or "everything kept",
        help="Look back so far: 15m, 2h, 7d, or an instant.",
    )


personal_option: Callable[[F], F] = click.option(
    "--personal", is_flag=True, help="Show personal fields instead of masking them."
)


def delivery_options(command: F) -> F:
    """`--event`, `--entity`, `--workflow`: which delivery to show or to send."""
    for option in (
        click.option("--workflow", help="As an action of this workflow, with its template."),
        click.option("--entity", help="Make up an event of this entity."),
        click.option(
            "--event", "event_id", type=click.UUID, help="A real event, instead of a made-up one."
        ),
    ):
        command = option(command)
    return command
