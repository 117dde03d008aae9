"""The check of a body when it is saved, for every entity that it may meet.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.paths import Scope
from schemas.templates.body import OPERATIONS, compiled
from schemas.templates.source import Source, source_of
from schemas.wording import listed


def scope_of(catalog: Catalog, entity: str) -> Scope:
    """What placeholders can name on an entity.

    Raises:
        ConfigurationError: There is no such entity.
    """
    return Scope(entity, catalog.fields(entity), catalog.envelope_fields)


def check_body(
    body: object,
    catalog: Catalog,
    entities: Collection[str] | None,
    operations: Collection[str] = OPERATIONS,
    path: str = "body",
) -> tuple[Problem, ...]:
    """Everything that is wrong with a body; empty if it may be saved.

    Args:
        entities: Those whose events it may meet; None for every one there is.  Names that the
            catalog does not have are passed over: that is for others to report.
        operations: Those of the events that it may meet.
        path: Where the body stands.
    """
    source = source_of(body, path)
    if not isinstance(source, Source):
        return source
    met = [each for each in catalog.entities if entities is None or each in entities]
    found = {entity: _problems(source, catalog, entity, operations) for entity in met}
    return tuple(together(found))


def _problems(
    source: Source, catalog: Catalog, entity: str, operations: Collection[str]
) -> Mapping[str, str]:
    """The first problem of each place, on one entity."""
    body = compiled(source, scope_of(catalog, entity), operations)
    problems = body if isinstance(body, tuple) else ()
    return {problem.place: problem.message for problem in reversed(problems)}


def together(found: Mapping[str, Mapping[str, str]]) -> Iterable[Problem]:
    """One problem for each place, that says for which entities it is one.

    Args:
        found: What is wrong at each place, by entity.
    """
    places = dict.fromkeys(place for problems in found.values() for place in problems)
    for place in sorted(places):
        having = [entity for entity, problems in found.items() if place in problems]
        message = found[having[0]][place]
        if len(found) > 1:
            message = (
                f"{message}; this is for every entity that the webhook accepts, and wrong for "
                f"{listed(having)}: name its entities, or let the workflow's action say the template"
            )
        yield Problem(place, message)
