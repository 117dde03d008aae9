"""Krayin's attributes → fields here: one table for each entity.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "number", "bool", "date", "datetime", "reference", "addresses", "several", "address"
]

#: Krayin's name of an entity → ours.
ENTITIES: Mapping[str, str] = {
    "leads": "lead",
    "persons": "person",
    "quotes": "quote",
    "activities": "activity",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where an attribute's value is.

    Attributes:
        path: Without a side; of a reference the record, whose `id` Krayin compares.
        cast: Krayin's model makes a date object of it, which its comparisons cannot read.
        custom: A user-defined attribute: what is in it depends on the connector, too.
    """

    path: str
    kind: Kind
    cast: bool = False
    custom: bool = False


def _texts(*names: str) -> dict[str, Target]:
    return {name: Target(name, "text") for name in names}


def _numbers(*names: str) -> dict[str, Target]:
    return {name: Target(name, "number") for name in names}


def _references(**paths: str) -> dict[str, Target]:
    return {code: Target(path, "reference") for code, path in paths.items()}


_MOMENTS = {
    "created_at": Target("created_at", "datetime", cast=True),
    "updated_at": Target("updated_at", "datetime", cast=True),
}
ATTRIBUTES: Mapping[str, Mapping[str, Target]] = {
    "lead": {
        **_texts("title", "description", "lost_reason"),
        **_numbers("lead_value"),
        **_references(
            user_id="user",
            person_id="person",
            lead_source_id="source",
            lead_type_id="type",
            lead_pipeline_id="pipeline",
            lead_pipeline_stage_id="stage",
        ),
        "status": Target("status", "bool"),
        "closed_at": Target("closed_at", "datetime", cast=True),
        "expected_close_date": Target("expected_close_date", "date", cast=True),
        **_MOMENTS,
    },
    "person": {
        **_texts("name", "job_title"),
        **_references(user_id="user", organization_id="organization"),
        "emails": Target("emails", "addresses"),
        "contact_numbers": Target("contact_numbers", "addresses"),
        **_MOMENTS,
    },
    "quote": {
        **_texts("subject", "description"),
        **_numbers(
            "discount_percent",
            "discount_amount",
            "tax_amount",
            "adjustment_amount",
            "sub_total",
            "grand_total",
        ),
        **_references(user_id="user", person_id="person"),
        "billing_address": Target("billing_address", "address"),
        "shipping_address": Target("shipping_address", "address"),
        "expired_at": Target("expired_at", "date", cast=True),
        **_MOMENTS,
    },
    "activity": {
        **_texts("title", "type", "comment", "location"),
        **_references(user_id="user"),
        "schedule_from": Target("schedule_from", "datetime", cast=True),
        "schedule_to": Target("schedule_to", "datetime", cast=True),
        "is_done": Target("is_done", "bool"),
        **_MOMENTS,
    },
}

#: Krayin's types of user-defined attributes.
_CUSTOM: Mapping[str, Kind] = {
    "price": "number",
    "boolean": "bool",
    "multiselect": "several",
    "checkbox": "several",
    "datetime": "datetime",
    "date": "date",
}


def target_of(entity: str, code: str, attribute_type: str) -> Target | None:
    """The field of an attribute; None if there is no place for it.

    Args:
        attribute_type: What Krayin says it is; decides for user-defined ones.
    """
    known = ATTRIBUTES[entity].get(code)
    if known is not None:
        return known
    if entity == "activity":  # activities have no user-defined attributes
        return None
    return Target(f"custom_attributes.{code}", _CUSTOM.get(attribute_type, "text"), custom=True)
