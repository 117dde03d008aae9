"""A row of Krayin's table `webhooks` → a webhook's manifest.

Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from console.krayin.fields import ENTITIES
from console.krayin.notes import Notes
from console.krayin.placeholders import PLACEHOLDER, converted
from console.krayin.rows import Row, description_of
from schemas.wording import found, shown
from webhook_service.header_names import RESERVED, RESERVED_PREFIXES
from webhook_service.parse_request import METHODS

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def webhook_of(row: Row, id: str, notes: Notes) -> dict[str, Any] | None:
    """The manifest; None if the notes say why there is none."""
    krayin_entity = str(row.get("entity_type"))
    entity = ENTITIES.get(krayin_entity)
    if entity is None:
        notes.refuse("entity_type", f"{shown(krayin_entity)} is not one of {', '.join(ENTITIES)}")
        return None
    method = str(row.get("method")).upper()
    if method not in METHODS:
        notes.refuse("method", f"{shown(method)} is not one of {', '.join(METHODS)}")
    url = _url(row.get("end_point"), notes)
    manifest: dict[str, Any] = {"kind": "Webhook", "id": id, "url": url}
    manifest |= {"entities": [entity], "method": method}
    manifest["description"] = description_of(row)
    query = _query(row.get("query_params"), notes)
    headers, content_type = _headers(row.get("headers"), notes)
    if query:
        manifest["query"] = query
    if headers:
        manifest["headers"] = headers
    if method != "GET":
        body = _body(row, content_type, krayin_entity, entity, notes)
        if body is not None:
            manifest["body"] = body
    return None if notes.refused else manifest


def _url(value: object, notes: Notes) -> str:
    if not isinstance(value, str) or not value.strip():
        notes.refuse("end_point", f"{found(value)}; an address is expected")
        return ""
    if PLACEHOLDER.search(value):
        notes.refuse(
            "end_point",
            "it has a placeholder: whoever fills in a web form could then choose what is called. "
            "Put the value into the body",
        )
    return value.strip()


def _query(value: object, notes: Notes) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, text in _pairs(value, "query_params", notes):
        if PLACEHOLDER.search(text):
            notes.left_out(f"query_params[{name}]", "a query parameter has no placeholders here")
        elif name:
            made[name] = text
    if made:
        notes.differs(
            "query_params", "Krayin 2.0 showed them and did not send them; now they are sent"
        )
    return made


def _headers(value: object, notes: Notes) -> tuple[dict[str, str], str]:
    """The headers that can be sent, and the content type that they ask for."""
    made: dict[str, str] = {}
    content_type = ""
    for given, text in _pairs(value, "headers", notes):
        name = re.sub(r"\s+", "-", given.strip())
        where = f"headers[{given}]"
        if name.lower() == "content-type":
            content_type = text.split(";")[0].strip().lower()
        if not _TOKEN.fullmatch(name):
            notes.left_out(where, "that is not a header's name, so Krayin sent nothing at all")
        elif name.lower() in RESERVED or name.lower().startswith(RESERVED_PREFIXES):
            notes.left_out(where, "it is set by Hookline or by the connection")
        elif PLACEHOLDER.search(text):
            notes.left_out(where, "a header has no placeholders here; put the value into the body")
        elif name.lower() in {each.lower() for each in made}:
            notes.left_out(where, "it is there twice")
        else:
            if name != given:
                notes.differs(where, f"with that name Krayin sent nothing at all; it is now {name}")
            made[name] = text
    return made, content_type


def _pairs(value: object, where: str, notes: Notes) -> Iterator[tuple[str, str]]:
    """Names with values: `[{key, value}, …]`, or an object; what is switched off is passed over."""
    if value in (None, "", [], {}):
        return
    if isinstance(value, Mapping):
        listed = list(value.values())
        if all(isinstance(each, Mapping) for each in listed):  # a list with gaps
            value = listed
        else:
            yield from ((str(name), str(each)) for name, each in value.items())
            return
    if not isinstance(value, list):
        notes.left_out(where, f"{found(value)}; a list of key and value is expected")
        return
    for index, each in enumerate(value):
        if not isinstance(each, Mapping) or "key" not in each or "value" not in each:
            notes.left_out(f"{where}[{index}]", f"{found(each)}; key and value are expected")
        elif not each.get("disabled") and each.get("enabled", True):
            yield str(each["key"]), "" if each["value"] is None else str(each["value"])


def _body(
    row: Row, content_type: str, krayin_entity: str, entity: str, notes: Notes
) -> object | None:
    """The body; None for the whole event."""
    payload = row.get("payload")
    if payload in (None, "", [], {}) or row.get("payload_type") == "default":
        notes.differs(
            "payload", "Krayin's default body is empty; here the whole event is sent (body: full)"
        )
        return None

    def text(value: str, where: str) -> str:
        return converted(value, krayin_entity, entity, "after", notes, where)

    form = content_type == _FORM or "form" in str(row.get("payload_type"))
    if form:
        if content_type == _JSON:
            notes.differs("payload", "Krayin sent it as a form whatever the content type said")
        pairs = dict(_pairs(payload, "payload", notes))
        return {"form": {name: text(each, f"payload[{name}]") for name, each in pairs.items()}}
    if isinstance(payload, str):
        written = _json_in(payload)
        if written is None:
            return {"text": text(payload, "payload")}
        payload = written
    notes.differs(
        "payload",
        "a quote, a line break or a backslash in a record's value broke Krayin's body; here it is "
        "escaped",
    )
    return {"json": _templates(_as_object(payload), text, "payload")}


def _as_object(payload: Any) -> Any:
    """The object that Krayin makes of a list of keys and values; anything else as it is."""
    if not isinstance(payload, list) or not payload:
        return payload
    if not all(isinstance(each, Mapping) and "key" in each and "value" in each for each in payload):
        return payload
    return {
        str(each["key"]): each["value"]
        for each in payload
        if not each.get("disabled") and each.get("enabled", True)
    }


def _json_in(text: str) -> Any:
    """The JSON in a text, if it is some that is more than a text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _templates(value: Any, text: Any, where: str) -> Any:
    """Every text in a JSON value with our placeholders."""
    match value:
        case str():
            return text(value, where)
        case Mapping():
            return {str(k): _templates(v, text, f"{where}.{k}") for k, v in value.items()}
        case list():
            return [_templates(v, text, f"{where}[{i}]") for i, v in enumerate(value)]
        case _:
            return value
