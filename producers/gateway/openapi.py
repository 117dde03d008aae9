"""The gateway described in OpenAPI 3.1, made from the catalog: a new entity appears by itself.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from producers.change import MAX_HOPS
from producers.gateway.refusal import (
    CONTENT_TYPE,
    FAILED,
    KINDS,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TYPE_PREFIX,
    Kind,
)
from producers.gateway.request import OPTIONAL, SIDES, event_form
from schemas.catalog import Catalog
from schemas.json_schema import example_of, schema_of
from schemas.links import MAX_LINKS, PATTERN
from schemas.records import Operation
from schemas.types import RecordType

Json = dict[str, Any]

#: Answers of a server or router that no operation can bring about by itself.
_ELSEWHERE = (NOT_FOUND, METHOD_NOT_ALLOWED)
_KEY_DOC = (
    "Any text of your choice, different for each request, such as a UUID. A repeat with the same key and "
    "body gets the first answer and publishes nothing, as long as this gateway remembers it "
    "(see HOOKLINE_GATEWAY_IDEMPOTENCY_*; not across a restart, nor between gateways). After that it "
    "publishes again with the same event ids, so readers can drop the repeat."
)


def document(catalog: Catalog, *, max_batch: int, tokens_needed: bool) -> bytes:
    """The whole document, as JSON.

    Args:
        max_batch: Events in one request.
        tokens_needed: Whether a caller must show a bearer token.
    """
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Hookline gateway",
            "version": "1",
            "description": "Publishes what happened to records as events on Kafka. An answer of 202 "
            "means that every event is on its topic, acknowledged by all in-sync replicas.",
        },
        "paths": {
            **{f"/events/{name}": _path(name, max_batch) for name in catalog.entities},
            "/openapi.json": _own_path(),
        },
        "components": {
            "schemas": {
                "Published": _PUBLISHED,
                "Problem": _PROBLEM,
                **{name: _record(catalog, name) for name in catalog.entities},
                **{_name(name): _event(catalog, name) for name in catalog.entities},
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    if tokens_needed:
        described["security"] = [{"token": []}]
        described["paths"]["/openapi.json"]["get"]["security"] = []
    return json.dumps(described).encode()


def _name(entity: str) -> str:
    """The name of an entity's event in the document."""
    return f"{entity}-event"


def _record(catalog: Catalog, entity: str) -> Json:
    """An entity's own fields; their id is the key of its events, so it is not empty."""
    record = catalog.record(entity)
    schema = {**schema_of(record), "examples": [example_of(record)]}
    key = schema["properties"].get("id")
    if key and key.get("type") == "string":
        key["minLength"] = 1
    return schema


def _event(catalog: Catalog, entity: str) -> Json:
    """One event: what it needs depends on the operation."""
    form = event_form(catalog, entity)
    common = {name: schema_of(type_) for name, type_ in form.fields.items() if name in OPTIONAL}
    for name, bound in _BOUNDS.items():
        common[name] |= bound
    if "id" not in catalog.fields(entity):
        common["entity_id"]["type"] = "string"
    return {
        "description": form.doc,
        "oneOf": [_operation(entity, form, name, common) for name in SIDES],
    }


def _operation(entity: str, form: RecordType, operation: Operation, common: Json) -> Json:
    """The event of one operation."""
    properties: Json = {"operation": {"const": operation}, **common}
    required = ["operation"]
    for side, there in zip(("before", "after"), SIDES[operation], strict=True):
        doc = {"description": form.fields[side].doc}
        if there:
            required.append(side)
            properties[side] = {"$ref": f"#/components/schemas/{entity}", **doc}
        else:
            properties[side] = {"type": "null", **doc}
    if operation != "created":
        required.append("version")
        properties["version"] = {**common["version"], "type": "integer"}
    if common["entity_id"]["type"] == "string":
        required.append("entity_id")
    return {
        "title": f"{entity} {operation}",
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def _path(entity: str, max_batch: int) -> Json:
    """What can be done with the events of one entity."""
    one = {"$ref": f"#/components/schemas/{_name(entity)}"}
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": max_batch}
    return {
        "post": {
            "operationId": f"publish-{entity}",
            "summary": f"Publish what happened to one {entity}, or to several",
            "description": "The body is one event or an array of them; an array is refused as a whole "
            "if one event is wrong. `updated` events whose before and after are equal are not "
            "published: their status is `unchanged`.",
            "parameters": [_KEY],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"oneOf": [one, many]}}},
            },
            "responses": {
                "202": _ACCEPTED,
                **_refusals(kind for kind in KINDS if kind not in _ELSEWHERE),
            },
        }
    }


def _own_path() -> Json:
    """This document."""
    return {
        "get": {
            "operationId": "describe",
            "summary": "This document",
            "responses": {
                "200": {
                    "description": "OpenAPI 3.1",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                **_refusals([FAILED]),
            },
        }
    }


def _refusals(kinds: Iterable[Kind]) -> Json:
    """The answers that say no, by status; kinds that share one are told together."""
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {str(status): _refusal(status, kinds) for status, kinds in sorted(by_status.items())}


def _refusal(status: int, kinds: list[Kind]) -> Json:
    """One status that says no."""
    answer: Json = {
        "description": "\n\n".join(f"`{kind.name}`: {kind.meaning}" for kind in kinds),
        "content": {
            CONTENT_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {
                            "properties": {
                                "type": {"enum": [TYPE_PREFIX + kind.name for kind in kinds]},
                                "status": {"const": status},
                            }
                        },
                    ]
                }
            }
        },
    }
    if headers := _HEADERS.get(status):
        answer["headers"] = headers
    return answer


def _header(doc: str, schema: Json) -> Json:
    """A header that always comes with its answer."""
    return {"description": doc, "required": True, "schema": schema}


_BOUNDS: Mapping[str, Json] = {
    "version": {"minimum": 1},
    "hops": {"minimum": 0, "maximum": MAX_HOPS},
    "entity_id": {"minLength": 1},
    "chain": {"maxItems": MAX_LINKS, "items": {"type": "string", "pattern": f"^{PATTERN}$"}},
}
_HEADERS: Mapping[int, Json] = {
    401: {"WWW-Authenticate": _header("RFC 6750.", {"type": "string"})},
    503: {
        "Retry-After": _header(
            "Seconds after which to repeat the request.", {"type": "integer", "minimum": 1}
        )
    },
}
_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": _KEY_DOC,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_PUBLISHED: Json = {
    "type": "object",
    "description": "What became of each event, in the order of the request.",
    "required": ["events"],
    "additionalProperties": False,
    "properties": {
        "events": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["status", "event_id", "topic", "partition", "offset"],
                "additionalProperties": False,
                "properties": {
                    "status": {
                        "enum": ["published", "unchanged"],
                        "description": "`unchanged`: before and after are equal, so there is no event "
                        "and the other fields are null.",
                    },
                    "event_id": {"type": ["string", "null"], "format": "uuid"},
                    "topic": {"type": ["string", "null"]},
                    "partition": {"type": ["integer", "null"], "minimum": 0},
                    "offset": {"type": ["integer", "null"], "minimum": 0},
                },
            },
        }
    },
}
_PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "additionalProperties": False,
                "properties": {
                    "pointer": {"type": "string", "format": "json-pointer"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_ACCEPTED: Json = {
    "description": "Every event is on its topic.",
    "headers": {
        "Idempotency-Replayed": {
            "description": "`true` if this is the answer that an earlier request with the key got.",
            "required": False,
            "schema": {"const": "true"},
        }
    },
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Published"}}},
}
