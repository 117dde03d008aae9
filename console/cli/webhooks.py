"""`hookline webhooks`: the saved endpoints, and trying one out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit
from console.cli.options import delivery_options, personal_option
from console.errors import NotFoundError

if TYPE_CHECKING:
    from console.previews import Preview
    from console.session import Session
    from console.try_out import Trial, Wanted
    from schemas.records import Definition


def _wanted(event_id: object, entity: str | None, workflow: str | None) -> Wanted:
    """The options, as the desk asks."""
    from console.try_out import Wanted  # noqa: PLC0415

    return Wanted(str(event_id) if event_id else None, entity, workflow)


@click.group(cls=Group)
def webhooks() -> None:
    """Webhooks: where deliveries go and how. Save them with `hookline apply`."""


@webhooks.command("list")
@output.json_option
@click.pass_obj
def list_(desk: Desk, *, as_json: bool) -> None:
    """List the webhooks in force, with the workflows that name them.

    Examples:
      hookline webhooks list
      hookline webhooks list --json | jq -r '.webhooks[] | select(.workflows == []).id'

    JSON: {"webhooks": [{id, version, state, method, url, entities, workflows, saved_at, saved_by}]}
    """
    found = desk.run(_rows(desk))
    if as_json:
        output.document({"webhooks": found})
        return
    columns = ("webhook", "version", "state", "method", "url", "entities", "workflows")
    rows = [
        (
            row["id"],
            str(row["version"]),
            row["state"],
            row["method"],
            row["url"],
            ", ".join(row["entities"] or ["any"]),
            ", ".join(row["workflows"]) or "-",
        )
        for row in found
    ]
    output.show(output.table(columns, rows) if rows else "no webhooks; see hookline apply --help")


@webhooks.command()
@click.argument("webhook_id")
@click.option("--reveal-secret", is_flag=True, help="Show secret, header and query values.")
@output.json_option
@click.pass_obj
def show(desk: Desk, webhook_id: str, *, reveal_secret: bool, as_json: bool) -> None:
    """Show one webhook as its manifest says it; its secrets are masked.

    Examples:
      hookline webhooks show orders
      hookline webhooks show orders --reveal-secret --json | jq -r .manifest.secret

    --reveal-secret needs HOOKLINE_SECRET_KEYS.

    JSON: {"id", "version", "saved_at", "saved_by", "manifest": {…}}. Exit code 1 if there is none.
    """
    definition = desk.run(_definition(desk, webhook_id))
    manifest = {"kind": "Webhook", **_spec(desk, definition, reveal=reveal_secret)}
    if as_json:
        output.document({**output.definition_view(definition), "manifest": manifest})
    else:
        click.echo(output.yaml_of(definition, manifest), nl=False)


@webhooks.command()
@click.argument("webhook_ids", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Even if workflows name it; their actions will die.")
@output.json_option
@click.pass_obj
def remove(desk: Desk, webhook_ids: tuple[str, ...], *, force: bool, as_json: bool) -> None:
    """Remove webhooks; refused while a workflow names one, unless --force.

    Examples:
      hookline webhooks remove old-shop
      hookline webhooks remove old-shop --force

    JSON: {"removed": [id]}. Exit code 1 if one does not exist or is in use; then none is removed.
    """
    from console.cli.removal import removed  # noqa: PLC0415

    desk.run(removed(desk, "webhook", webhook_ids, force=force))
    if as_json:
        output.document({"removed": webhook_ids})
    else:
        click.echo(f"removed {', '.join(webhook_ids)}")


@webhooks.command()
@click.argument("webhook_id")
@delivery_options
@personal_option
@output.json_option
@click.pass_obj
def preview(
    desk: Desk,
    webhook_id: str,
    event_id: object,
    entity: str | None,
    workflow: str | None,
    *,
    personal: bool,
    as_json: bool,
) -> None:
    """Show the request that a webhook would send for an event; nothing is sent.

    Examples:
      hookline webhooks preview orders
      hookline webhooks preview orders --event 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --personal
      hookline webhooks preview orders --workflow large-orders

    JSON: {"method", "url", "headers": {…}, "body": text, "exact": bool}; `exact` is false where
    personal fields are masked in the body.
    """
    wanted = _wanted(event_id, entity, workflow)
    shown = desk.run(_preview(desk, webhook_id, wanted, personal=personal))
    if as_json:
        output.document(shown.view())
    else:
        output.show(Text(shown.text))


@webhooks.command()
@click.argument("webhook_id")
@delivery_options
@output.json_option
@click.pass_obj
def test(
    desk: Desk,
    webhook_id: str,
    event_id: object,
    entity: str | None,
    workflow: str | None,
    *,
    as_json: bool,
) -> int:
    """Send one signed test event to a webhook, now, and show request and answer.

    It goes from this machine straight to the endpoint, past Kafka, with the header
    `hookline-test: true` and an id of its own. Secrets are masked in what is shown.

    Examples:
      hookline webhooks test orders
      hookline webhooks test orders --event 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --json | jq .status

    Needs HOOKLINE_SECRET_KEYS.

    JSON: {"delivered": bool, "request": {method, url, headers, body, exact}, "status": n | null,
    "error_class", "error", "response_headers", "response_body", "total_ms"}.
    Exit code 0 if the endpoint answered with 2xx, else 1.
    """
    trial = desk.run(_test(desk, webhook_id, _wanted(event_id, entity, workflow)))
    if as_json:
        output.document(trial.view())
    else:
        output.show(*_answer(trial))
    return Exit.OK if trial.delivered else Exit.PROBLEM


async def _rows(desk: Desk) -> list[dict[str, Any]]:
    """Every webhook as the list shows it."""
    from console.previews import hidden_webhook  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from webhook_service.url import masked_url  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        users: dict[str, list[str]] = {}
        for workflow in sorted(session.workflows.current.values(), key=lambda one: one.id):
            for step in json.loads(workflow.spec)["then"]:
                names = users.setdefault(step["webhook"], [])
                names += [] if workflow.id in names else [workflow.id]
        rows = []
        for definition in sorted(session.webhooks.current.values(), key=lambda one: one.id):
            webhook = hidden_webhook(definition)
            rows.append(
                {
                    **output.definition_view(definition),
                    "state": webhook.state,
                    "method": webhook.method,
                    "url": masked_url(webhook.url),
                    "entities": webhook.entities,
                    "workflows": users.get(definition.id, []),
                }
            )
        return rows


async def _definition(desk: Desk, webhook_id: str) -> Definition:
    """One webhook's definition."""
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return named(session, webhook_id)


def named(session: Session, webhook_id: str) -> Definition:
    """The webhook with that id.

    Raises:
        NotFoundError: There is none; lists those there are.
    """
    found = session.webhooks.current.get(webhook_id)
    if found is None:
        known = ", ".join(sorted(session.webhooks.current)) or "none"
        message = f"no webhook {webhook_id!r}; there are {known}"
        raise NotFoundError(message)
    return found


def _spec(desk: Desk, definition: Definition, *, reveal: bool) -> dict[str, Any]:
    """The webhook's content, with or without its secrets."""
    from console.previews import hidden_webhook  # noqa: PLC0415
    from runtime.secrets import SecretBox  # noqa: PLC0415
    from webhook_service.stored import from_spec, masked_spec, plain_spec  # noqa: PLC0415

    if not reveal:
        spec = masked_spec(hidden_webhook(definition))
    else:
        box = SecretBox(desk.settings.secret_keys)
        spec = plain_spec(from_spec(definition.spec, box.open))
    content: dict[str, Any] = json.loads(spec)
    return content


async def _preview(desk: Desk, webhook_id: str, wanted: Wanted, *, personal: bool) -> Preview:
    """The request for the event, masked unless asked otherwise."""
    from console.personal import masked_event  # noqa: PLC0415
    from console.previews import preview as rendered  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from console.try_out import chosen_event  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        definition = named(session, webhook_id)
        event, action = await chosen_event(session, definition, wanted, desk.clock.now())
        if not personal:
            event = masked_event(event, session.catalog.fields(event.entity))
        return rendered(definition, action, event, session.catalog, exact=personal)


async def _test(desk: Desk, webhook_id: str, wanted: Wanted) -> Trial:
    """Send one request."""
    from console.session import opened  # noqa: PLC0415
    from console.try_out import try_out  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return await try_out(session, named(session, webhook_id), wanted, desk.clock)


def _answer(trial: Trial) -> list[Text]:
    """Request and answer as a person reads them."""
    lines = [Text("request", style="bold"), Text(trial.request.text), Text("answer", style="bold")]
    if trial.status is None:
        lines.append(Text(f"none: {trial.error_class}: {trial.error}", style="red"))
        return lines
    style = "green" if trial.delivered else "red"
    lines.append(Text(f"{trial.status} in {trial.total_ms:.0f} ms", style=style))
    lines += [Text(f"{name}: {value}") for name, value in trial.response_headers.items()]
    return [*lines, Text(""), Text(trial.response_body)]
