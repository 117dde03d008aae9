"""The first bytes of a record: which schema wrote it, in Avro's own framing or Confluent's.

Pure: no clock, no I/O.  Avro single-object encoding is `C3 01` and the schema's CRC-64-AVRO
fingerprint, little-endian; Confluent's is `00` and the schema's id in its registry, big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import SchemaError

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"
FINGERPRINT_BYTES = 8
ID_BYTES = 4
SINGLE_OBJECT_HEAD = len(SINGLE_OBJECT) + FINGERPRINT_BYTES
CONFLUENT_HEAD = len(CONFLUENT) + ID_BYTES


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A schema by its CRC-64-AVRO fingerprint.

    Attributes:
        value: The 8 bytes in the order in which the wire has them (little-endian).
    """

    value: bytes

    def __str__(self) -> str:
        """As the key in the table of schemas says it."""
        return f"schema fingerprint {self.value.hex()}"

    @property
    def head(self) -> bytes:
        """The first bytes of every record written with the schema."""
        return SINGLE_OBJECT + self.value


@dataclass(frozen=True, slots=True)
class SchemaId:
    """A schema by its id in a Confluent schema registry."""

    value: int

    def __str__(self) -> str:
        """As people say it."""
        return f"schema id {self.value}"

    @property
    def head(self) -> bytes:
        """The first bytes of every record written with the schema."""
        return CONFLUENT + self.value.to_bytes(ID_BYTES, "big")


Reference = Fingerprint | SchemaId


def head_of(data: bytes) -> bytes:
    """The framing of a record: what comes before its first field.

    Raises:
        SchemaError: The bytes begin like neither framing, or end within it.
    """
    if data[:2] == SINGLE_OBJECT:
        head = data[:SINGLE_OBJECT_HEAD]
        whole = SINGLE_OBJECT_HEAD
    elif data[:1] == CONFLUENT:
        head = data[:CONFLUENT_HEAD]
        whole = CONFLUENT_HEAD
    else:
        message = (
            f"the record's {len(data)} bytes begin with {data[:4].hex(' ') or 'nothing'}; expected "
            "c3 01 (Avro single-object encoding) or 00 (a schema registry's id)"
        )
        raise SchemaError(message)
    if len(head) < whole:
        message = f"the record ends after {len(data)} bytes, within its {whole} bytes of framing"
        raise SchemaError(message)
    return head


def reference_in(head: bytes) -> Reference:
    """The schema that a framing names."""
    if head[:2] == SINGLE_OBJECT:
        return Fingerprint(head[2:])
    return SchemaId(int.from_bytes(head[1:], "big"))
