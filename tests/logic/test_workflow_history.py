"""Every version of a workflow is kept, with who saved it, when, and what it changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console.history import History, history_of
from runtime.topics import config_of
from tests.desks import Office, office, parsed
from tests.fakes import NOON

HISTORY = "crm.workflows-history"
CHANGED = """\
kind: Workflow
id: big-lead
entity: lead
on: [created]
only_if: {field: after.lead_value, at_least: 50000}
then: [{webhook: sales}]
"""


@pytest.fixture
def grown() -> Office:
    """A system whose workflow big-lead was changed an hour later, and removed after one more."""
    made = office()
    made.clock._now += timedelta(hours=1)
    made.apply(CHANGED)
    made.clock._now += timedelta(hours=1)
    assert made.call("workflows", "remove", "big-lead") == 0
    return made


def known(made: Office, id: str) -> History:
    found: History = made.within(lambda session: history_of(session, id))
    return found


def test_each_save_is_kept_in_the_same_bytes_and_the_same_transaction(grown):
    kept = grown.broker.written(HISTORY)
    in_force = grown.broker.written("crm.workflows")

    assert [(one.key, one.value) for one in kept] == [(one.key, one.value) for one in in_force]
    assert len(kept) == 4


def test_a_history_says_when_by_whom_and_what_changed(grown, capsys):
    capsys.readouterr()
    assert grown.call("workflows", "history", "big-lead", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert [(one["version"], one["what"]) for one in answer["versions"]] == [
        (1, "created"),
        (2, "changed"),
        (3, "removed"),
    ]
    assert answer["complete"] is True
    second = answer["versions"][1]
    assert second["saved_at"] == "2026-01-01T13:00:00.000000Z"
    assert second["saved_by"] == "tester"
    assert "+  at_least: 50000" in second["diff"]


def test_a_history_for_people_shows_the_diffs(grown, capsys):
    capsys.readouterr()
    assert grown.call("workflows", "history", "big-lead") == 0

    out = capsys.readouterr().out
    assert "version 2 changed 2026-01-01 13:00:00Z by tester" in out
    assert "-  at_least: 10000" in out
    assert "version 3 removed" in out


def test_an_old_version_is_shown_after_the_workflow_is_gone(grown, capsys):
    capsys.readouterr()
    assert grown.call("workflows", "show", "big-lead", "--version", "1", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert answer["version"] == 1
    assert answer["manifest"]["only_if"]["at_least"] == 10000


def test_a_removal_has_no_manifest_to_show(grown, capsys):
    assert grown.call("workflows", "show", "big-lead", "--version", "3") == 1

    assert "version 3 removed it" in capsys.readouterr().err


def test_a_version_that_never_was_is_answered_with_those_that_were(grown, capsys):
    assert grown.call("workflows", "show", "big-lead", "--version", "7") == 1

    assert "there is 1, 2, 3" in capsys.readouterr().err


def test_the_version_in_force_at_an_instant_is_the_one_saved_before_it(grown):
    found = known(grown, "big-lead")

    def at(hours: float) -> int | None:
        one = found.at(NOON + timedelta(hours=hours))
        return one.version if one else None

    assert [at(-1), at(0), at(0.5), at(1), at(1.5), at(2)] == [None, 1, 1, 2, 2, None]


def without_history() -> Office:
    """A system from before there was a topic for the history, with two versions saved."""
    made = office()
    made.apply(CHANGED)
    made.broker.storage.delete(HISTORY)
    return made


def test_without_the_topic_the_version_in_force_is_known_and_an_older_one_said_not_to_be(capsys):
    old = without_history()

    assert old.call("workflows", "history", "big-lead", "--json") == 0
    answer = parsed(capsys.readouterr().out)
    assert old.call("workflows", "show", "big-lead", "--version", "1") == 1

    assert [one["version"] for one in answer["versions"]] == [2]
    assert answer["complete"] is False
    assert "before there was a topic for the history is not kept" in capsys.readouterr().err


def test_without_the_topic_saving_a_workflow_is_refused_with_what_helps(capsys, tmp_path):
    old = without_history()
    before = len(old.broker.written("crm.workflows"))
    file = tmp_path / "m.yaml"
    file.write_text(CHANGED.replace("50000", "60000"))

    assert old.call("apply", "-f", str(file)) == 2

    assert HISTORY in capsys.readouterr().err
    assert len(old.broker.written("crm.workflows")) == before


def test_a_new_history_begins_with_what_was_in_force(capsys):
    old = without_history()
    wanted = {topic.name: topic for topic in old.topics.all(["lead"])}
    old.broker.make(config_of(wanted[HISTORY]))
    old.apply(CHANGED.replace("50000", "60000"))

    assert [one.version for one in known(old, "big-lead").versions] == [2, 3]
    assert [one.version for one in known(old, "small-lead").versions] == [1]
    assert [one.key for one in old.broker.written(HISTORY)].count(b"big-lead") == 2
