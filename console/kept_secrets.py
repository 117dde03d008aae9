"""What a webhook signs with when its manifest does not say so: what it has, or a new secret.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtime.manifests import Manifest
from runtime.secrets import SecretBox
from schemas.errors import Problem
from schemas.records import Definition
from webhook_service.stored import from_spec

_REPLACED: Final = (
    "is one that rotate-secret has replaced; leave it out of the manifest, or put the present one "
    "there (hookline webhooks show --reveal-secret)"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept.

    Attributes:
        content: For every key that the manifest does not have itself.
    """

    content: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()


def kept_secrets(
    manifest: Manifest,
    definition: Definition | None,
    box: SecretBox,
    new_secret: Callable[[], str],
) -> Kept:
    """The secrets of a webhook as it is stored, or a new one.

    Args:
        definition: The stored webhook; None if it is not stored yet.

    Raises:
        ConfigurationError: A stored secret is needed and cannot be opened.
    """
    if definition is None:
        return Kept({} if "secret" in manifest.content else {"secret": new_secret()})
    if "secret" in manifest.content and "previous_secrets" not in json.loads(definition.spec):
        return Kept({})
    stored = from_spec(definition.spec, box.open)
    previous = [one.model_dump() for one in stored.previous_secrets]
    problems = (
        (manifest.at(Problem("secret", _REPLACED)),)
        if manifest.content.get("secret") in [one.secret for one in stored.previous_secrets]
        else ()
    )
    kept = {"secret": stored.secret, **({"previous_secrets": previous} if previous else {})}
    return Kept(kept, problems)
