"""`hookline health`: what container health checks call."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from schemas.errors import ConfigurationError


@click.command(cls=Command)
@click.option("--url", help="Health address; by default from HOOKLINE_HEALTH_HOST and _PORT.")
@click.option("--timeout", type=float, default=5.0, show_default=True, help="Seconds to wait.")
@output.json_option
@click.pass_obj
def health(desk: Desk, url: str | None, timeout: float, *, as_json: bool) -> int:
    """Ask a service whether it is ready; exit code 0 if so, else 1.

    Examples:
      HOOKLINE_HEALTH_PORT=9101 hookline health
      hookline health --url http://127.0.0.1:9101/health/ready --json

    JSON: {"ready": bool, "url": "…", "status": int | null, "detail": …}
    """
    place = url or _own(desk)
    status, detail = _ask(place, timeout)
    ready = status == http.client.OK
    if as_json:
        output.document({"ready": ready, "url": place, "status": status, "detail": detail})
    else:
        click.echo(f"{place}: {'ready' if ready else 'not ready'}: {_text(detail)}")
    return Exit.OK if ready else Exit.PROBLEM


def _own(desk: Desk) -> str:
    """The address of the service with this environment."""
    if not desk.settings.health_port:
        message = "HOOKLINE_HEALTH_PORT is not set, so there is no address to ask; or give --url"
        raise ConfigurationError(message)
    # A service that listens everywhere is asked on loopback.
    host = desk.settings.health_host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    return f"http://{host}:{desk.settings.health_port}/health/ready"


def _ask(url: str, timeout: float) -> tuple[int | None, object]:
    """Status and body of the answer; no status if there was none."""
    if not url.startswith(("http://", "https://")):
        message = f"--url {url!r}: expected an http:// or https:// address"
        raise ConfigurationError(message)
    # No proxies from the environment: a health check is local.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, _parsed(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, _parsed(refused.read())
    except (OSError, http.client.HTTPException) as error:
        return None, str(error)


def _parsed(body: bytes) -> object:
    """The body as JSON, else as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _text(detail: object) -> str:
    """The detail on one line."""
    return detail if isinstance(detail, str) else json.dumps(detail)
