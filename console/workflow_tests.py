"""Tests that users write for their workflows: an event, and what it must lead to; needs no Kafka.

A test file names manifests and lists cases.  A case asks one workflow about one event, with the
code that matches and the code that makes requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from console.definitions_at_hand import with_manifests
from console.given_event import given_event
from console.lint import Definitions
from console.previews import made
from runtime.manifests import load
from runtime.yaml_core import Document, documents
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError, DefinitionError, Problem, SchemaError
from schemas.problems import Problems
from schemas.records import Action, Event
from schemas.wording import found, shown, unknown
from webhook_service.address import Network
from workflow_service.actions import Origin, actions_of
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.explain import explain_compiled

FILE_KEYS = ("workflows", "cases")
CASE_KEYS = ("name", "workflow", "event", "expect")
EXPECT_KEYS = ("match", "actions", "body", "bodies")
_NOWHERE = Origin("", 0, 0, b"")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case.

    Attributes:
        place: File and line of the case.
        failure: What was expected and what came instead; empty if it passed.
    """

    name: str
    workflow: str
    place: str
    failure: str

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "workflow": self.workflow,
            "place": self.place,
            "passed": not self.failure,
            "failure": self.failure or None,
        }


def run_file(
    path: Path, catalog: Catalog, allowed: tuple[Network, ...], now: datetime
) -> list[Result]:
    """Run every case of a test file.

    Args:
        allowed: Networks that webhooks may reach although they are special.
        now: When events occurred that do not say so.

    Raises:
        DefinitionError: The file, or a manifest that it names, is wrong; every problem with its
            line.
    """
    document = _document(path)
    problems = _checked(document)
    if problems.found:
        raise DefinitionError(tuple(document.placed(each, str(path)) for each in problems.found))
    named = document.value["workflows"]
    folders = [path.parent / each for each in ([named] if isinstance(named, str) else named)]
    there = with_manifests(Definitions({}, {}), load(folders), catalog, allowed)
    return [
        _Case(path, document, index, there, catalog, now).run()
        for index in range(len(document.value["cases"]))
    ]


def _document(path: Path) -> Document:
    """The one document of a test file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    read = list(documents(text, str(path)))
    problems = tuple(problem for document in read for problem in document.problems)
    if problems:
        raise DefinitionError(problems)
    if len(read) != 1:
        message = f"has {len(read)} documents; one with workflows and cases is expected"
        raise DefinitionError((Problem(str(path), message),))
    return read[0]


def _checked(document: Document) -> Problems:
    """What is wrong with the shape of a test file."""
    problems, content = Problems(), document.value
    if not isinstance(content, Mapping):
        problems.add("", f"{found(content)}; the keys workflows and cases are expected")
        return problems
    problems.keys(content, "", FILE_KEYS, FILE_KEYS)
    named = content.get("workflows", "x")
    if not isinstance(named, str):
        problems.texts(named, "workflows", None, "file")
    cases = content.get("cases", [{}])
    if not isinstance(cases, list) or not cases:
        problems.add("cases", f"{found(cases)}; a list of at least one case is expected")
        return problems
    for index, case in enumerate(cases if "cases" in content else ()):
        _check_case(case, f"cases[{index}]", problems)
    return problems


def _check_case(case: object, path: str, problems: Problems) -> None:
    if not isinstance(case, Mapping):
        problems.add(path, f"{found(case)}; a case is expected")
        return
    problems.keys(case, path, CASE_KEYS, CASE_KEYS)
    for key in ("name", "workflow"):
        if key in case and not isinstance(case[key], str):
            problems.add(f"{path}.{key}", f"{found(case[key])}; a text is expected")
    if "event" in case and not isinstance(case["event"], Mapping):
        problems.add(f"{path}.event", f"{found(case['event'])}; an event is expected")
    _check_expect(case.get("expect", {"match": True}), f"{path}.expect", problems)


def _check_expect(expect: object, path: str, problems: Problems) -> None:
    if not isinstance(expect, Mapping) or not expect:
        problems.add(path, f"{found(expect)}; match, actions or body is expected")
        return
    problems.keys(expect, path, EXPECT_KEYS, ())
    if not isinstance(expect.get("bodies", []), list):
        problems.add(f"{path}.bodies", f"{found(expect['bodies'])}; a list is expected")
    if not isinstance(expect.get("match", True), bool):
        problems.add(f"{path}.match", f"{found(expect['match'])}; true or false is expected")
    if expect.get("actions"):
        problems.texts(expect["actions"], f"{path}.actions", None, "webhook")
    elif "actions" in expect and expect["actions"] != []:
        problems.add(f"{path}.actions", f"{found(expect['actions'])}; a list is expected")


class _Case:
    """One case of a file."""

    def __init__(
        self,
        path: Path,
        document: Document,
        index: int,
        there: Definitions,
        catalog: Catalog,
        now: datetime,
    ) -> None:
        self._document, self._file, self._at = document, str(path), f"cases[{index}]"
        self._content = document.value["cases"][index]
        self._place = f"{path}:{document.line_of(f'cases[{index}]')}"
        self._there = there
        self._catalog = catalog
        self._now = now

    def run(self) -> Result:
        """Ask the workflow, and compare."""
        id = self._content["workflow"]
        return Result(self._content["name"], id, self._place, self._failure(id))

    def _failure(self, id: str) -> str:
        workflow = self._there.workflows.get(id)
        if workflow is None:
            message = unknown("the workflow", id, self._there.workflows)
            raise self._wrong("workflow", message)
        compiled = compile_workflow(workflow, 1, self._catalog)
        if not isinstance(compiled, CompiledWorkflow):
            raise DefinitionError(compiled)
        try:
            text = json.dumps(self._content["event"])
            event = given_event(text, self._catalog, workflow.entity, self._now)
        except ConfigurationError as error:
            raise self._wrong("event", str(error)) from error
        return self._compared(compiled, event)

    def _wrong(self, key: str, message: str) -> DefinitionError:
        """The file is wrong, not what it tests: said with the line of the key."""
        return DefinitionError(
            (self._document.placed(Problem(f"{self._at}.{key}", message), self._file),)
        )

    def _compared(self, compiled: CompiledWorkflow, event: Event) -> str:
        expect = self._content["expect"]
        explained = explain_compiled(compiled, event)
        wanted = expect.get("match", True)
        if explained.matched is not wanted:
            words = "match" if wanted else "no match"
            return f"expected {words}, but: {explained.reason}"
        actions = actions_of(compiled, event, _NOWHERE, self._now) if explained.matched else ()
        webhooks = [action.webhook_id for action in actions]
        if "actions" in expect and webhooks != expect["actions"]:
            return f"expected the actions {shown(expect['actions'])}, found {shown(webhooks)}"
        wanted_bodies = expect.get("bodies", [expect["body"]] if "body" in expect else [])
        if len(wanted_bodies) > len(actions):
            count = f"{len(actions)} were made" if actions else "no action was made"
            return f"expected a body of {len(wanted_bodies)} actions, but {count}"
        told = (
            self._body_differs(body, action, event)
            for body, action in zip(wanted_bodies, actions, strict=False)
        )
        return next(filter(None, told), "")

    def _body_differs(self, wanted: object, action: Action, event: Event) -> str:
        """How the body of an action differs; null expects nothing of it."""
        if wanted is None:
            return ""
        webhook = self._there.webhooks.get(action.webhook_id)
        if webhook is None:
            return unknown("the webhook", action.webhook_id, self._there.webhooks)
        try:
            body = made(webhook, action, event, self._catalog).body.decode()
        except SchemaError as error:
            return f"the body for {action.webhook_id} cannot be made: {error}"
        return _different(wanted, body)


def _different(wanted: object, body: str) -> str:
    """How a body differs: a text is compared as it stands, anything else as JSON."""
    if isinstance(wanted, str):
        return "" if body == wanted else f"expected the body {shown(wanted)}, found {shown(body)}"
    try:
        present = json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return f"expected JSON as body, found {shown(body)}"
    expected = json.dumps(wanted, sort_keys=True)  # as texts: in Python true equals 1
    return "" if present == expected else f"expected the body {expected}, found {present}"
