"""`hookline demo`: the guided run."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit


@click.command(cls=Command)
@click.option(
    "--without-repair", is_flag=True, help="Leave the broken endpoint broken: the demo then fails."
)
@click.option(
    "--logs",
    type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True),
    help="Keep the log of each process in this directory.",
)
@click.pass_obj
def demo(desk: Desk, logs: Path | None, *, without_repair: bool) -> int:
    """Watch the whole system work on a real Kafka: records, events, workflows, deliveries, repair.

    Finds a broker (HOOKLINE_KAFKA_BOOTSTRAP_SERVERS, else Docker, else Apache Kafka on the local
    JVM), starts everything as separate processes on free ports, and leaves nothing behind. Nothing
    is assumed: what is shown was read from the topics, from HTTP answers or from the receiver.

    Examples:
      hookline demo
      HOOKLINE_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 hookline demo
      hookline demo --without-repair

    Exit code 0 if everything expected was observed, 1 if something was missing.
    """
    from console.demo.main import main  # noqa: PLC0415

    return main(desk.environ, desk.clock, repair=not without_repair, logs=logs) or Exit.OK
