"""Krayin's placeholders `{%leads.title%}` → ours, formatted as Krayin formats them as far as we can.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.krayin.fields import ATTRIBUTES, Kind
from console.krayin.notes import Notes

#: With one blank on either side or none, as Krayin replaces them.
PLACEHOLDER = re.compile(r"\{%( ?)([a-z_]+)\.([A-Za-z0-9_]+)\1%\}")

#: The pipes that come nearest to Krayin's own format of a kind of value.
_PIPES: Mapping[Kind, str] = {
    "text": ' | default("")',
    "number": " | decimal(2)",
    "bool": ' | yes_no("Yes", "No")',
    "date": ' | date("%a %b %d, %Y") | default("N/A")',
    "datetime": ' | date("%a %b %d, %Y %H:%M %p") | default("N/A")',
    "addresses": ' | field("value") | join(", ")',
    "several": ' | join(", ")',
}
_DIFFERENCES: Mapping[Kind, str] = {
    "number": "Krayin writes the currency's sign and separators; here it is 1234.50",
    "datetime": "Krayin writes it in its own time zone; here it is UTC (see | in_zone)",
    "addresses": "Krayin writes the label behind each address; here it is the addresses alone",
    "address": "Krayin writes the full names of state and country; here it is their codes",
}


def converted(
    text: str, krayin_entity: str, entity: str, side: str, notes: Notes, where: str
) -> str:
    """A text with our placeholders; what Krayin would not have replaced stays as it is.

    Args:
        krayin_entity: As the text's placeholders name it: `leads`.
    """
    pieces, at = [], 0
    for match in PLACEHOLDER.finditer(text):
        pieces.append(_literal(text[at : match.start()]))
        pieces.append(_one(match, krayin_entity, entity, side, notes, where))
        at = match.end()
    return "".join([*pieces, _literal(text[at:])])


def _one(
    match: re.Match[str], krayin_entity: str, entity: str, side: str, notes: Notes, where: str
) -> str:
    named, code = match[2], match[3]
    if named != krayin_entity:
        notes.differs(
            where, f"{match[0]} is of another entity; as in Krayin it is sent as it stands"
        )
        return _literal(match[0])
    target = ATTRIBUTES[entity].get(code)
    if target is None:
        notes.differs(
            where,
            f"{match[0]} is taken for a user-defined attribute and sent without Krayin's format",
        )
        return f'{{{{ {side}.custom_attributes.{code} | default("") }}}}'
    if target.kind in _DIFFERENCES:
        notes.differs(where, f"{match[0]}: {_DIFFERENCES[target.kind]}")
    field = f"{side}.{target.path}"
    match target.kind:
        case "reference":
            return f'{{{{ {field}.name | default("N/A") }}}}'
        case "address":
            lines = (
                f"{{{{ {field}.{part} }}}}" for part in ("address", "city", "state", "country")
            )
            return "<br>".join(lines)
        case kind:
            return f"{{{{ {field}{_PIPES[kind]} }}}}"


def _literal(text: str) -> str:
    """A text that is sent as it stands, also where it looks like one of our placeholders."""
    return text.replace("{{", '{{ "{{" }}')
