"""A webhook as it is stored, and as it is shown: canonical JSON with secrets sealed or masked.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from schemas.errors import SchemaError
from schemas.templates import moves, pieces_of
from webhook_service.auth import Auth, Tls
from webhook_service.durations import duration_text, parse_duration
from webhook_service.keys import SECRET_BYTES, secret_of
from webhook_service.lane_form import lane_from, plain_lane
from webhook_service.places import split_query
from webhook_service.sign import PreviousSecret, Scheme
from webhook_service.url import masked_url
from webhook_service.webhook import Retry, Webhook
from webhook_service.writes import parse_writes, plain_writes

MASK: Final = "***"
#: Where a stored spec has what stands behind the question mark of its URL.
URL_QUERY: Final = "url_query"
#: The keys of `auth` and `tls` whose values are secret.
SECRETS: Final = frozenset({"password", "token", "client_secret", "key"})
#: What every sealed text begins with (`runtime.secrets.PREFIX`, which is out of sight here).
SEALED: Final = "sealed:"
#: Stands for every signing secret where no key is needed, because it is masked anyway.
HIDDEN: Final = secret_of(bytes(SECRET_BYTES[0]))


def to_spec(webhook: Webhook, seal: Callable[[str], str]) -> str:
    """The webhook as canonical JSON; secret, header and query values are sealed.

    Args:
        seal: `runtime.secrets.SecretBox.seal`.
    """
    return _canonical(_plain(webhook, seal))


def from_spec(spec: str, open: Callable[[str], str]) -> Webhook:  # noqa: A002 - the counterpart of seal
    """The webhook that a stored spec holds.

    Args:
        open: `runtime.secrets.SecretBox.open`.

    Raises:
        SchemaError: The spec is not a webhook's.
        ConfigurationError: Its secrets cannot be opened.
    """
    return _read(spec, open, open)


def _read(
    spec: str,
    open: Callable[[str], str],  # noqa: A002 - as above
    open_key: Callable[[str], str],
) -> Webhook:
    """The webhook of a spec.

    Args:
        open_key: Opens what must be a signing secret.
    """
    try:
        raw = json.loads(spec)
        retry = raw["retry"]
        return Webhook(
            id=raw["id"],
            url=_url(raw, open),
            entities=None if raw["entities"] is None else tuple(raw["entities"]),
            method=raw["method"],
            headers={name: _line(value, open) for name, value in raw["headers"].items()},
            query={name: _line(value, open) for name, value in raw["query"].items()},
            secret=open_key(raw["secret"]),
            previous_secrets=tuple(
                PreviousSecret(**{**each, "secret": open_key(each["secret"])})
                for each in raw.get("previous_secrets", ())
            ),
            signatures=tuple(
                Scheme(**{**each, "secret": open(each["secret"])})
                for each in raw.get("signatures", ())
            ),
            auth=_auth_from(raw["auth"], open) if "auth" in raw else None,
            tls=_tls_from(raw["tls"], open) if "tls" in raw else None,
            body=raw.get("body", "full"),
            concurrency=raw["concurrency"],
            **lane_from(raw),
            timeout=parse_duration(raw["timeout"]),
            retry=Retry(
                schedule=tuple(map(parse_duration, retry["schedule"])), jitter=retry["jitter"]
            ),
            writes=parse_writes(raw["writes"])[0] if "writes" in raw else None,
            state=raw["state"],
            description=raw.get("description", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # The error's text may quote values, and these may be secret.
        message = f"the stored definition is not a webhook ({type(error).__name__})"
        raise SchemaError(message) from None


def hidden_from_spec(spec: str) -> Webhook:
    """The webhook that a stored spec holds, with a mask for every secret; needs no key.

    Raises:
        SchemaError: The spec is not a webhook's.
    """
    return _read(spec, lambda _: MASK, lambda _: HIDDEN)


def masked_spec(webhook: Webhook) -> str:
    """The webhook as canonical JSON for people: secret, header and query values are masked."""
    plain = _plain(webhook, lambda _: MASK)
    plain.pop(URL_QUERY, None)
    for name in ("headers", "query"):
        plain[name] = {key: _shown_line(value) for key, value in plain[name].items()}
    return _canonical(plain)


def plain_spec(webhook: Webhook) -> str:
    """The webhook as canonical JSON, with its secrets, as a manifest says it."""
    plain = _plain(webhook, lambda text: text)
    plain.pop(URL_QUERY, None)
    plain |= {"url": webhook.url, "headers": dict(webhook.headers), "query": dict(webhook.query)}
    return _canonical(plain)


def _signing(webhook: Webhook, hide: Callable[[str], str]) -> dict[str, Any]:
    """What else signs, if anything does."""
    found: dict[str, Sequence[PreviousSecret | Scheme]] = {
        "previous_secrets": webhook.previous_secrets,
        "signatures": webhook.signatures,
    }
    return {
        key: [{**one.model_dump(mode="json"), "secret": hide(one.secret)} for one in records]
        for key, records in found.items()
        if records
    }


def _auth_from(raw: dict[str, Any], open: Callable[[str], str]) -> Auth:  # noqa: A002 - as above
    """The inverse of `_auth`."""
    opened = {
        kind: {key: open(value) if key in SECRETS else value for key, value in each.items()}
        for kind, each in raw.items()
    }
    return Auth.model_validate(opened)


def _tls_from(raw: dict[str, Any], open: Callable[[str], str]) -> Tls:  # noqa: A002 - as above
    return Tls(**{key: open(value) if key in SECRETS else value for key, value in raw.items()})


def _auth(webhook: Webhook, hide: Callable[[str], str]) -> dict[str, Any]:
    """How it shows who it is, if it does."""
    found: dict[str, Any] = {}
    if webhook.auth is not None:
        found["auth"] = {
            kind: {
                key: hide(text) if key in SECRETS else text for key, text in each.items() if text
            }
            for kind, each in webhook.auth.model_dump(exclude_none=True).items()
        }
    if webhook.tls is not None:
        found["tls"] = {
            key: hide(text) if key in SECRETS else text
            for key, text in webhook.tls.model_dump().items()
            if text
        }
    return found


def sealed_texts(spec: str) -> tuple[str, ...]:
    """Every sealed text in a stored spec, wherever it stands."""
    return tuple(_sealed_in(json.loads(spec)))


def _sealed_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(SEALED):
            yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _sealed_in(each)


def _url(raw: dict[str, Any], open: Callable[[str], str]) -> str:  # noqa: A002 - as above
    """The URL; what it says behind the question mark is stored sealed, for it may be a token."""
    query = open(raw[URL_QUERY]) if URL_QUERY in raw else MASK
    return str(raw["url"]) if query == MASK else split_query(raw["url"])[0] + query


def _hidden_url(url: str, hide: Callable[[str], str]) -> dict[str, Any]:
    """The inverse of `_url`."""
    base, query = split_query(url)
    return {"url": base + masked_url(query), URL_QUERY: hide(query)} if query else {"url": url}


def _line(stored: Any, open: Callable[[str], str]) -> str:  # noqa: A002 - as above
    """A header's or parameter's value; its placeholders are stored in the clear."""
    if isinstance(stored, str):
        return open(stored)
    return "".join(
        open(piece["sealed"]) if "sealed" in piece else str(piece["placeholder"])
        for piece in stored
    )


def _hidden_line(text: str, hide: Callable[[str], str]) -> Any:
    """The inverse of `_line`: one sealed text, or its pieces where there are placeholders."""
    if not moves(text):
        return hide(text)
    return [
        {"sealed": hide(piece.text)} if piece.given else {"placeholder": piece.text}
        for piece in pieces_of(text)
    ]


def _shown_line(hidden: Any) -> str:
    """What may be shown of a hidden line: `***{{ after.id }}`."""
    return _line(hidden, lambda masked: masked)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(webhook: Webhook, hide: Callable[[str], str]) -> dict[str, Any]:
    """The webhook in JSON's words."""
    return {
        "id": webhook.id,
        **_hidden_url(webhook.url, hide),
        "entities": None if webhook.entities is None else list(webhook.entities),
        "method": webhook.method,
        "headers": {name: _hidden_line(text, hide) for name, text in webhook.headers.items()},
        "query": {name: _hidden_line(text, hide) for name, text in webhook.query.items()},
        "secret": hide(webhook.secret),
        **_signing(webhook, hide),
        **_auth(webhook, hide),
        "body": webhook.body,
        "concurrency": webhook.concurrency,
        **plain_lane(webhook),
        "timeout": duration_text(webhook.timeout),
        "retry": {
            "schedule": [duration_text(wait) for wait in webhook.retry.schedule],
            "jitter": webhook.retry.jitter,
        },
        **({} if webhook.writes is None else {"writes": plain_writes(webhook.writes)}),
        "state": webhook.state,
        "description": webhook.description,
    }
