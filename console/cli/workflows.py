"""`hookline workflows`: the table of its commands."""

from __future__ import annotations

import click

from console.cli.lazy import Lazy, LazyGroup

#: A new command is a module of its own and a line here.
COMMANDS: dict[str, Lazy] = {
    "list": Lazy("console.cli.workflow_list:list_", "List the workflows in force."),
    "show": Lazy("console.cli.workflow_show:show", "Show one workflow as its manifest says it."),
    "explain": Lazy(
        "console.cli.workflow_explain:explain",
        "Say why a workflow fires for an event, or why not.",
    ),
    "history": Lazy(
        "console.cli.workflow_history:history", "List the versions of a workflow with their diffs."
    ),
    "lint": Lazy(
        "console.cli.workflow_lint:lint", "Warn about loops, and about actions that reach nobody."
    ),
    "backtest": Lazy(
        "console.cli.workflow_backtest:backtest", "Say what a workflow would have done."
    ),
    "replay": Lazy(
        "console.cli.workflow_replay:replay", "Send what a workflow would have matched."
    ),
    "test": Lazy("console.cli.workflow_test:test", "Run tests of workflows, without Kafka."),
    "remove": Lazy("console.cli.workflow_remove:remove", "Remove workflows."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def workflows() -> None:
    """Workflows: which events go to which webhooks. Save them with `hookline apply`."""
