"""The definitions that are saved, and those of manifests in their place, ready to be looked at."""

from __future__ import annotations

import json

from console.lint import Definitions, Finding, cycle_findings
from console.previews import hidden_webhook
from console.session import Session
from runtime.manifests import Manifest, Manifests
from schemas.catalog import Catalog
from schemas.errors import DefinitionError, Problem, SchemaError
from webhook_service.address import Network, networks
from webhook_service.keys import SECRET_BYTES, secret_of
from webhook_service.parse import parse_webhook
from webhook_service.webhook import Webhook
from webhook_service.writes import check_writes
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow

#: Where a manifest leaves the secret to Hookline: it plays no part here.
_ANY_SECRET = secret_of(bytes(SECRET_BYTES[0]))


def saved(session: Session) -> Definitions:
    """What is saved; definitions that this version cannot read are left out."""
    workflows = {}
    for id, definition in session.workflows.current.items():
        parsed = parse_workflow(json.loads(definition.spec))
        if isinstance(parsed, Workflow):
            workflows[id] = parsed
    webhooks = {}
    for id, definition in session.webhooks.current.items():
        try:
            webhooks[id] = hidden_webhook(definition)
        except SchemaError:
            continue
    saved_at = {id: each.saved_at for id, each in session.workflows.current.items()}
    return Definitions(workflows, webhooks, saved_at)


def with_manifests(
    there: Definitions, manifests: Manifests, catalog: Catalog, allowed: tuple[Network, ...] = ()
) -> Definitions:
    """What there would be after saving manifests; what is found is to be about them.

    Args:
        allowed: Networks that may be called although they are special.

    Raises:
        DefinitionError: All that is wrong with them by themselves.
    """
    problems = list(manifests.problems)
    workflows, webhooks = dict(there.workflows), dict(there.webhooks)
    for manifest in manifests.definitions:
        read = _read(manifest, catalog, allowed)
        if isinstance(read, Workflow):
            workflows[manifest.id] = read
        elif isinstance(read, Webhook):
            webhooks[manifest.id] = read
        else:
            problems += [manifest.at(problem) for problem in read]
    if problems:
        raise DefinitionError(tuple(problems))
    named = {(manifest.kind, manifest.id) for manifest in manifests.definitions}
    saved_at = {id: at for id, at in there.saved_at.items() if ("workflow", id) not in named}
    about = frozenset(f"{kind}/{id}" for kind, id in named)
    return Definitions(workflows, webhooks, saved_at, about)


def loops(session: Session, manifests: Manifests, *, prune: bool) -> tuple[Problem, ...]:
    """The cycles that manifests, which must be right, make possible together with what stays.

    Args:
        prune: Whatever is saved and not in the manifests goes.
    """
    allowed = networks(session.settings.webhook_allow_networks)
    stays = Definitions({}, {}) if prune else saved(session)
    there = with_manifests(stays, manifests, session.catalog, allowed)
    return tuple(
        Problem(
            ", ".join(dict.fromkeys(_workflows(finding))), f"{finding.message}; {finding.advice}"
        )
        for finding in cycle_findings(there)
    )


def _workflows(finding: Finding) -> list[str]:
    """The ids of the workflows that a finding is about."""
    parts = (about.partition("/") for about in finding.about)
    return [id for kind, _, id in parts if kind == "workflow"]


def _read(
    manifest: Manifest, catalog: Catalog, allowed: tuple[Network, ...]
) -> Workflow | Webhook | tuple[Problem, ...]:
    """What a manifest defines, or what is wrong with it by itself."""
    if manifest.kind == "workflow":
        workflow = parse_workflow(manifest.content)
        if not isinstance(workflow, Workflow):
            return workflow
        compiled = compile_workflow(workflow, 1, catalog)
        return workflow if isinstance(compiled, CompiledWorkflow) else compiled
    try:
        webhook = parse_webhook({"secret": _ANY_SECRET, **manifest.content}, allowed=allowed)
    except DefinitionError as error:
        return error.problems
    return tuple(check_writes(webhook.writes or (), catalog)) or webhook
