"""What saving manifests would change: everything validated together, compared with what is stored.

No I/O.  Either every manifest makes sense, alone and with the others, or nothing is changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from console.diffs import HIDDEN_DIFF, diff_of, plain_lines, shown_webhook, stored_lines
from console.kept_secrets import kept_secrets
from console.previews import hidden_webhook
from console.unsent import unsent
from runtime.definitions import REMOVED
from runtime.manifests import Manifest, Manifests
from runtime.secrets import SecretBox
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError, DefinitionError, Problem
from schemas.records import Definition, DefinitionKind
from schemas.templates import check_body
from webhook_service.address import Network
from webhook_service.parse import parse_webhook
from webhook_service.render import check_places
from webhook_service.stored import from_spec, to_spec
from webhook_service.webhook import Webhook
from webhook_service.writes import check_writes
from workflow_service.language.check import check, check_webhooks
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow

What = Literal["create", "update", "remove", "unchanged"]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one definition.

    Attributes:
        version: The one it will have; of an unchanged one the one it has.
        diff: Lines of a unified diff of the manifest, secrets masked; empty for an unchanged one.
        spec: What is to be stored.
    """

    kind: DefinitionKind
    id: str
    what: What
    version: int
    diff: tuple[str, ...] = ()
    spec: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes: webhooks, then workflows, then removals; each in the order of the manifests."""

    changes: tuple[Change, ...]

    @property
    def writes(self) -> tuple[Change, ...]:
        """Those that lead to a record: in the order in which they are safe to be seen."""
        return tuple(change for change in self.changes if change.what != "unchanged")

    def count(self, what: What) -> int:
        """How many changes are of a kind."""
        return sum(change.what == what for change in self.changes)


@dataclass(frozen=True, slots=True)
class Stored:
    """The definitions in force, and the highest version of every id that ever was."""

    workflows: Mapping[str, Definition]
    webhooks: Mapping[str, Definition]
    workflow_versions: Mapping[str, int]
    webhook_versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ground:
    """What manifests are judged by.

    Attributes:
        new_secret: Makes the signing secret of a webhook whose manifest names none.
    """

    catalog: Catalog
    box: SecretBox
    allowed: tuple[Network, ...]
    new_secret: Callable[[], str]


def plan(manifests: Manifests, stored: Stored, ground: Ground, *, prune: bool = False) -> Plan:
    """What saving these manifests changes.

    Args:
        prune: Also remove every stored definition that they do not contain.

    Raises:
        DefinitionError: Everything that is wrong with them; nothing may be saved.
        ConfigurationError: A stored secret is needed and cannot be opened.
    """
    judged = _Judging(manifests, stored, ground, prune=prune)
    judged.read()
    judged.check()
    if judged.problems:
        raise DefinitionError(tuple(judged.problems))
    return Plan(tuple(judged.changes()))


class _Judging:
    """One look at all manifests together."""

    def __init__(
        self, manifests: Manifests, stored: Stored, ground: Ground, *, prune: bool
    ) -> None:
        self._manifests = manifests.definitions
        self._stored = stored
        self._ground = ground
        self._prune = prune
        self.problems: list[Problem] = list(manifests.problems)
        self._webhooks: dict[str, Webhook] = {}
        self._workflows: dict[str, Workflow] = {}

    def read(self) -> None:
        """Parse every manifest by itself."""
        for manifest in self._of("webhook"):
            definition = self._stored.webhooks.get(manifest.id)
            kept = kept_secrets(manifest, definition, self._ground.box, self._ground.new_secret)
            self.problems += kept.problems
            content = {**kept.content, **manifest.content}
            try:
                webhook = parse_webhook(content, allowed=self._ground.allowed)
            except DefinitionError as error:
                self.problems += [manifest.at(problem) for problem in error.problems]
            else:
                self._webhooks[manifest.id] = webhook
                self._check_entities(manifest, webhook)
        for manifest in self._of("workflow"):
            parsed = parse_workflow(manifest.content)
            if isinstance(parsed, Workflow):
                self._workflows[manifest.id] = parsed
            else:
                self.problems += [manifest.at(problem) for problem in parsed]

    def check(self) -> None:
        """Check the workflows against the catalog and all webhooks, and the stored ones too."""
        every = self._every_webhook()
        webhooks = {id: hook.entities if hook else None for id, hook in every.items()}
        for manifest in self._of("workflow"):
            workflow = self._workflows.get(manifest.id)
            if workflow is not None:
                found = check(workflow, self._ground.catalog, webhooks)
                found = (*found, *unsent(workflow, every))
                self.problems += [manifest.at(problem) for problem in found]
        for workflow in () if self._prune else self._others():
            if set(workflow.webhooks) & self._webhooks.keys():
                self.problems += [
                    Problem(f"the stored workflow {workflow.id}: {each.place}", each.message)
                    for each in (*check_webhooks(workflow, webhooks), *unsent(workflow, every))
                ]

    def changes(self) -> Iterator[Change]:
        """Every change, webhooks first, removals last."""
        for id, webhook in self._webhooks.items():
            yield self._webhook_change(id, webhook)
        for id, workflow in self._workflows.items():
            yield self._workflow_change(id, workflow)
        if self._prune:
            yield from removals(
                "workflow", _missing(self._stored.workflows, self._workflows), self._stored
            )
            yield from removals(
                "webhook", _missing(self._stored.webhooks, self._webhooks), self._stored
            )

    def _of(self, kind: DefinitionKind) -> list[Manifest]:
        return [manifest for manifest in self._manifests if manifest.kind == kind]

    def _check_entities(self, manifest: Manifest, webhook: Webhook) -> None:
        known = self._ground.catalog.entities
        for index, entity in enumerate(webhook.entities or ()):
            if entity not in known:
                message = f"the entity {entity!r} is unknown; there is {', '.join(known)}"
                self.problems.append(manifest.at(Problem(f"entities[{index}]", message)))
        found = check_body(webhook.body, self._ground.catalog, webhook.entities)
        found = (*found, *check_places(webhook, self._ground.catalog))
        found = (*found, *check_writes(webhook.writes or (), self._ground.catalog))
        self.problems += [manifest.at(problem) for problem in found]

    def _every_webhook(self) -> dict[str, Webhook | None]:
        """Every webhook there will be; one with problems is None: it is there, and takes anything."""
        found: dict[str, Webhook | None] = {}
        if not self._prune:
            for id, definition in self._stored.webhooks.items():
                found[id] = hidden_webhook(definition)
        for manifest in self._of("webhook"):
            found[manifest.id] = self._webhooks.get(manifest.id)
        return found

    def _others(self) -> Iterator[Workflow]:
        """The stored workflows that stay as they are."""
        named = {manifest.id for manifest in self._of("workflow")}
        for id, definition in self._stored.workflows.items():
            workflow = parse_workflow(json.loads(definition.spec))
            if id not in named and isinstance(workflow, Workflow):
                yield workflow

    def _workflow_change(self, id: str, workflow: Workflow) -> Change:
        spec = canonical(workflow.manifest())
        old = self._stored.workflows.get(id)
        versions = self._stored.workflow_versions
        return _change("workflow", id, spec, old=old, versions=versions, shown=plain_lines(spec))

    def _webhook_change(self, id: str, webhook: Webhook) -> Change:
        old, versions = self._stored.webhooks.get(id), self._stored.webhook_versions
        if old is not None and self._opened(old) == webhook:
            return Change("webhook", id, "unchanged", old.version)
        spec = to_spec(webhook, self._ground.box.seal)
        shown = shown_webhook(webhook)
        return _change("webhook", id, spec, old=old, versions=versions, shown=shown)

    def _opened(self, definition: Definition) -> Webhook | None:
        """The stored webhook; None if its secrets cannot be opened, so that it is sealed anew."""
        try:
            return from_spec(definition.spec, self._ground.box.open)
        except ConfigurationError:
            return None


def removals(kind: DefinitionKind, ids: Sequence[str], stored: Stored) -> Iterator[Change]:
    """The changes that remove these definitions."""
    current = stored.workflows if kind == "workflow" else stored.webhooks
    versions = stored.workflow_versions if kind == "workflow" else stored.webhook_versions
    for id in ids:
        diff = diff_of(id, stored_lines(kind, current[id]), [])
        yield Change(kind, id, "remove", versions[id] + 1, diff, REMOVED)


def canonical(content: Mapping[str, Any]) -> str:
    """JSON that is the same for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def resealed(webhook: Webhook, stored: Stored, ground: Ground) -> Change:
    """The change that saves a webhook as it is now, its secrets sealed with the newest key."""
    return _change(
        "webhook",
        webhook.id,
        to_spec(webhook, ground.box.seal),
        old=stored.webhooks[webhook.id],
        versions=stored.webhook_versions,
        shown=shown_webhook(webhook),
    )


def _missing(stored: Mapping[str, Definition], wanted: Mapping[str, object]) -> list[str]:
    return sorted(stored.keys() - wanted.keys())


def _change(
    kind: DefinitionKind,
    id: str,
    spec: str,
    *,
    old: Definition | None,
    versions: Mapping[str, int],
    shown: list[str],
) -> Change:
    version = versions.get(id, 0) + 1
    if old is None:
        return Change(kind, id, "create", version, diff_of(id, [], shown), spec)
    if old.spec == spec:
        return Change(kind, id, "unchanged", old.version)
    diff = diff_of(id, stored_lines(kind, old), shown)
    return Change(kind, id, "update", version, diff or HIDDEN_DIFF, spec)
