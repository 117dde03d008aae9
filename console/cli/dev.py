"""`hookline dev`: the whole system for one's own use."""

from __future__ import annotations

import click

from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit


@click.command(cls=Command)
@click.pass_obj
def dev(desk: Desk) -> int:
    """Keep the whole system running, and say how to use each part of it; Ctrl-C stops it.

    The same processes as in the demo, with example workflows and webhooks, and a receiver that
    verifies. Other terminals find it through the file of variables that is printed.

    Examples:
      hookline dev
      HOOKLINE_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 hookline dev
    """
    from console.dev import main  # noqa: PLC0415

    return main(desk.environ, desk.clock) or Exit.OK
