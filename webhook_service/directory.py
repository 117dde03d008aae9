"""The webhooks there are, ready for use, as their table changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runtime.logs import get_logger
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Definition
from webhook_service.render import Template, template_of
from webhook_service.sign import Signer, signer_of
from webhook_service.stored import from_spec
from webhook_service.webhook import Webhook

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One version of a webhook, prepared: what every delivery to it has in common."""

    webhook: Webhook
    version: int
    template: Template
    signer: Signer


@dataclass(frozen=True, slots=True)
class Unusable:
    """A webhook that exists and cannot be used until an operator mends it."""

    version: int
    reason: str


Known = Endpoint | Unusable
#: Called with an id and its new state; None when it was removed.
Watcher = Callable[[str, Known | None], None]


class Directory:
    """The webhooks by id; a listener of `runtime.definitions.DefinitionTable`."""

    def __init__(self, open: Callable[[str], str]) -> None:  # noqa: A002 - what SecretBox calls it
        """No webhook is known yet.

        Args:
            open: `runtime.secrets.SecretBox.open`.
        """
        self._open = open
        self._known: dict[str, Known] = {}
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Be told of every change from now on."""
        self._watchers.append(watcher)

    def find(self, id: str) -> Known | None:
        """The webhook, if there is one."""
        return self._known.get(id)

    def on_definition(self, id: str, definition: Definition | None) -> None:
        """Take a change up."""
        known = None if definition is None else self._prepared(definition)
        if known is None:
            self._known.pop(id, None)
        else:
            self._known[id] = known
        for watcher in self._watchers:
            watcher(id, known)

    def _prepared(self, definition: Definition) -> Known:
        """A definition made ready, or why it cannot be."""
        try:
            webhook = from_spec(definition.spec, self._open)
        except (SchemaError, ConfigurationError) as error:
            return _unusable(definition, str(error))
        signer = signer_of(webhook.secret, webhook.previous_secrets, webhook.signatures)
        try:
            template = template_of(webhook)
        except ValueError:  # its text may quote a header's value, which may be secret
            return _unusable(definition, "a placeholder in it cannot be read; apply it again")
        return Endpoint(webhook, definition.version, template, signer)


def _unusable(definition: Definition, reason: str) -> Unusable:
    log.warning("webhook.unusable", webhook=definition.id, reason=reason)
    return Unusable(definition.version, reason)
