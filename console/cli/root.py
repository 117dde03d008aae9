"""`hookline` itself: the table of commands, the exit codes, and errors as one clear line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import click

from console.cli.desk import Desk
from console.cli.exits import MEANINGS, Exit, exit_of
from console.cli.lazy import Lazy, LazyGroup
from schemas.errors import HooklineError

COMMANDS: dict[str, Lazy] = {
    "demo": Lazy(
        "console.cli.demo:demo", "Watch the whole system work, failure and repair included."
    ),
    "dev": Lazy("console.cli.dev:dev", "Keep the whole system running for your own use."),
    "apply": Lazy(
        "console.cli.apply:apply", "Check and save workflows and webhooks from manifests."
    ),
    "workflows": Lazy(
        "console.cli.workflows:workflows",
        "List, show, explain and remove workflows; their history.",
    ),
    "webhooks": Lazy(
        "console.cli.webhooks:webhooks", "List, show, preview, test and remove webhooks."
    ),
    "events": Lazy("console.cli.events:events", "Publish, watch and show events."),
    "trace": Lazy("console.cli.trace:trace", "Follow one event to the outcome of each delivery."),
    "deliveries": Lazy(
        "console.cli.deliveries:deliveries", "List and show deliveries and attempts."
    ),
    "dead-letters": Lazy(
        "console.cli.dead_letters:dead_letters",
        "List, show, replay, discard and export dead letters.",
    ),
    "audit": Lazy("console.cli.audit:audit", "Check that every action is somewhere: none lost."),
    "topics": Lazy("console.cli.topics:topics", "Create the topics, or check them for drift."),
    "schemas": Lazy("console.cli.schemas:schemas", "Check schemas against the last release."),
    "import": Lazy("console.cli.imports:imports", "Convert definitions of other systems."),
    "secret-key": Lazy(
        "console.cli.secret_key:secret_key", "Keys for secrets at rest: generate, rotate."
    ),
    "health": Lazy("console.cli.health:health", "Ask a service whether it is ready."),
}

_CODES = "\n".join(f"  {int(code):<4} {meaning}" for code, meaning in MEANINGS.items())
EPILOG = f"""\b
Exit codes:
{_CODES}

\b
Settings come from HOOKLINE_* variables, the same for every service:
  HOOKLINE_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 hookline topics check

\b
Start here:
  hookline demo
  hookline dev"""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="hookline", prog_name="hookline")
def hookline() -> None:
    """Events in, signed webhooks out, and a dead letter that says why not.

    Every command prints for people; with --json it prints one documented JSON document (or JSON
    lines where it says so) on standard output, and everything else on standard error.
    """


def run(arguments: Sequence[str], environ: Mapping[str, str], desk: Desk | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        desk: What the commands work with; tests hand in one whose broker is in memory.
    """
    try:
        code = hookline.main(
            list(arguments), "hookline", standalone_mode=False, obj=desk or Desk(environ)
        )
    except click.exceptions.Exit as stopped:
        return stopped.exit_code
    except click.ClickException as error:
        _complain(error)
        return Exit.CONFIGURATION
    except HooklineError as error:
        click.echo(f"hookline: {error}", err=True)
        return exit_of(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("hookline: stopped", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # `hookline events tail | head`: the reader has seen enough.  What is still buffered must
        # not be written when Python ends, or it would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return code if isinstance(code, int) else Exit.OK


def _complain(error: click.ClickException) -> None:
    """Wrong usage in one line, with where to read more."""
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context else ""
    click.echo(f"hookline: {error.format_message()}{hint}", err=True)
