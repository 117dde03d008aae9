"""Compares the schemas with every release of them, and records a release.

The schemas of each release are files in `schemas/released/<version>/`, kept in the repository:
records of any of them may still stand in a topic or a dead letter, so a change must suit them all
(FULL_TRANSITIVE).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import schemas
from schemas.avro import NamedSchema
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError
from schemas.evolution import incompatibilities

RELEASED = Path(schemas.__file__).parent / "released"
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One reason why a release's records and today's schemas do not go together.

    Attributes:
        release: The version whose schema is meant.
        schema: Full name of the record.
        reason: The field and what is wrong with it.
    """

    release: str
    schema: str
    reason: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.schema} against release {self.release}: {self.reason}"


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """What a check found.

    Attributes:
        releases: The versions that were compared with, oldest first.
        changed: Schemas that differ from the last release in any way, compatible ones too.
        added: Schemas that the last release does not have.
        problems: Empty if everything may be released.
    """

    releases: tuple[str, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]
    problems: tuple[SchemaProblem, ...]


def check_schemas(catalog: Catalog, released: Path = RELEASED) -> SchemaReport:
    """Compare the catalog with every release.

    Raises:
        ConfigurationError: A released file is damaged.
    """
    now = {schema.name: schema for schema in catalog.schemas}
    versions = _versions(released)
    problems: list[SchemaProblem] = []
    last: dict[str, str] = {}
    for version in versions:
        last = _texts(released / version)
        problems += (
            SchemaProblem(version, name, reason)
            for name, text in last.items()
            for reason in _against(text, now.get(name))
        )
    changed = (name for name, text in last.items() if name in now and _differs(text, now[name]))
    added = (name for name in now if name not in last)
    return SchemaReport(versions, tuple(changed), tuple(added), tuple(problems))


def release_schemas(catalog: Catalog, version: str, released: Path = RELEASED) -> tuple[Path, ...]:
    """Record the catalog's schemas as those of a release; the files that were written.

    Raises:
        ConfigurationError: The version is there already or no version, or a schema is incompatible
            with an earlier release.
    """
    if not _VERSION.fullmatch(version):
        raise ConfigurationError(f"{version!r} is not a version; write one like 1.2.3")
    directory = released / version
    if directory.exists():
        raise ConfigurationError(
            f"release {version} is recorded in {directory} already, and what is released stays as "
            "it is; raise the version"
        )
    report = check_schemas(catalog, released)
    if report.problems:
        raise ConfigurationError("\n".join(map(str, report.problems)))
    directory.mkdir(parents=True)
    return tuple(_written(directory, schema) for schema in catalog.schemas)


def _versions(released: Path) -> tuple[str, ...]:
    """The recorded releases, oldest first."""
    names = (path.name for path in released.glob("*") if _VERSION.fullmatch(path.name))
    return tuple(sorted(names, key=lambda name: tuple(map(int, name.split(".")))))


def _texts(directory: Path) -> dict[str, str]:
    """The schemas of one release by name."""
    texts: dict[str, str] = {}
    for path in sorted(directory.glob("*.avsc")):
        text = path.read_text(encoding="utf-8")
        try:
            json.loads(text)
        except ValueError as error:
            raise ConfigurationError(f"{path} is damaged ({error}); restore it") from error
        texts[path.stem] = text
    return texts


def _against(text: str, now: NamedSchema | None) -> tuple[str, ...]:
    """Why a released schema and today's do not go together."""
    if now is None:
        return ("it is gone, but its records may still stand in topics; keep the schema",)
    return incompatibilities(text, now.text)


def _differs(text: str, now: NamedSchema) -> bool:
    """Whether a released schema is not today's, word by word."""
    return bool(json.loads(text) != json.loads(now.text))


def _written(directory: Path, schema: NamedSchema) -> Path:
    """Write one schema so that a difference reads well."""
    path = directory / f"{schema.name}.avsc"
    text = json.dumps(json.loads(schema.text), indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path
