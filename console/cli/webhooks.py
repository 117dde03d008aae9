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
    "pause": Lazy("console.cli.webhook_switch:pause", "Let deliveries wait for the time being."),
    "resume": Lazy("console.cli.webhook_switch:resume", "Let deliveries go on after a pause."),
    "disable": Lazy(
        "console.cli.webhook_switch:disable", "Make deliveries dead letters, without an attempt."
    ),
    "enable": Lazy(
        "console.cli.webhook_enable:enable", "Deliver again, with what was missed or without it."
    ),
    "remove": Lazy("console.cli.webhook_remove:remove", "Remove webhooks."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def webhooks() -> None:
    """Webhooks: where deliveries go and how. Save them with `hookline apply`."""
