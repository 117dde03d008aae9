"""`hookline webhooks`: the table of its commands."""

from __future__ import annotations

import click

from console.cli.lazy import Lazy, LazyGroup

#: A new command is a module of its own and a line here.
COMMANDS: dict[str, Lazy] = {
    "list": Lazy("console.cli.webhook_list:list_", "List the webhooks in force."),
    "show": Lazy("console.cli.webhook_show:show", "Show one webhook as its manifest says it."),
    "preview": Lazy(
        "console.cli.webhook_preview:preview", "Show the request that a webhook would send."
    ),
    "test": Lazy("console.cli.webhook_test:test", "Send one signed test event to a webhook, now."),
    "rotate-secret": Lazy(
        "console.cli.webhook_secrets:rotate_secret",
        "Give a webhook a new signing secret; the old one signs, too, for a while.",
    ),
    "remove": Lazy("console.cli.webhook_remove:remove", "Remove webhooks."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def webhooks() -> None:
    """Webhooks: where deliveries go and how. Save them with `hookline apply`."""
