"""What a value of each Avro type is in Python: as the source of a test, and in words.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.avro import Schema
from schemas.generated import Source

#: What a value of each type is in Python, tested on `v`; the first that holds is the union's branch.
_TESTS: Mapping[tuple[str, str | None], tuple[str, str]] = {
    ("string", "uuid"): ("isinstance(v, UUID)", "a UUID"),
    ("string", None): ("isinstance(v, str)", "a str"),
    ("bytes", "decimal"): (
        "isinstance(v, Decimal) or v.__class__ is int",
        "a Decimal, or an int",
    ),
    ("bytes", None): ("isinstance(v, bytes)", "bytes"),
    ("long", "timestamp-micros"): ("isinstance(v, datetime)", "an aware datetime"),
    ("int", "date"): (
        "isinstance(v, date) and not isinstance(v, datetime)",
        "a date without a time",
    ),
    ("int", None): ("v.__class__ is int", "an int"),
    ("long", None): ("v.__class__ is int", "an int"),
    ("null", None): ("v is None", "None"),
    ("boolean", None): ("v is True or v is False", "a bool"),
    ("float", None): ("v.__class__ is float or v.__class__ is int", "a float"),
    ("double", None): ("v.__class__ is float or v.__class__ is int", "a float"),
}


def test_of(schema: Schema, source: Source) -> tuple[str, str]:
    """The expression that tells whether `v` is of the schema, and what that is in words.

    Raises:
        ValueError: Values of the schema are not written.
    """
    match schema:
        case {"type": "record", "name": name}:
            return (
                "v.__class__ is dict or isinstance(v, Mapping)",
                f"a mapping with the fields of {name}",
            )
        case {"type": "map"}:
            return "v.__class__ is dict or isinstance(v, Mapping)", "a mapping"
        case {"type": "array"}:
            return "isinstance(v, (list, tuple))", "a list"
        case {"type": "enum", "symbols": symbols}:
            known = source.constant(frozenset(symbols))
            return f"isinstance(v, str) and v in {known}", f"one of {', '.join(symbols)}"
        case {"type": base, "logicalType": logical} if (base, logical) in _TESTS:
            return _TESTS[base, logical]
        case {"type": base} if (base, None) in _TESTS:
            return _TESTS[base, None]
    message = f"a {schema.get('type')} is not written"
    raise ValueError(message)
