"""Manifests are read by YAML 1.2's rules, and every problem says file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import yaml_core
from runtime.manifests import load, read_texts
from runtime.yaml_core import MAX_DEPTH, documents
from schemas.errors import Problem


def value_of(text: str) -> object:
    (document,) = documents(f"a: {text}", "f.yaml")
    assert not document.problems
    return document.value["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("-5", -5),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ('"100"', "100"),
        ("=", "="),
    ],
)
def test_plain_values_follow_the_core_schema(text, value):
    found = value_of(text)

    assert found == value
    assert type(found) is type(value)


def test_a_key_on_is_a_text():
    (manifest,) = read_texts([("f.yaml", "kind: Workflow\nid: a\non: [created]\n")]).definitions

    assert manifest.content == {"id": "a", "on": ["created"]}


def test_a_file_holds_any_number_of_documents():
    text = "---\n# nothing\n---\nkind: Webhook\nid: a\n---\nkind: Workflow\nid: a\n...\n"

    read = read_texts([("f.yaml", text)])

    assert [(one.kind, one.id, one.place) for one in read.definitions] == [
        ("webhook", "a", "f.yaml:4"),
        ("workflow", "a", "f.yaml:7"),
    ]
    assert read.problems == ()


def test_a_problem_is_placed_on_the_line_of_its_path_or_of_what_is_around_it():
    text = "kind: Workflow\nid: a\nonly_if:\n  all:\n    - field: x\n      equals: 1\n"
    (manifest,) = read_texts([("f.yaml", text)]).definitions

    assert str(manifest.at(Problem("only_if.all[0].equals", "no"))) == (
        "f.yaml:6: only_if.all[0].equals: no"
    )
    assert manifest.at(Problem("only_if.all[0].nothing", "no")).place.startswith("f.yaml:5: ")
    assert (
        str(manifest.at(Problem("", "the key on is missing"))) == "f.yaml:1: the key on is missing"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "kind: Workflo\nid: a",
            "f.yaml:1: kind: is 'Workflo'; it is Workflow or Webhook (did you",
        ),
        ("id: a", "f.yaml:1: kind: is missing"),
        ("kind: Webhook", "f.yaml:1: id: is missing"),
        ("kind: Webhook\nid: 7", "f.yaml:2: id: is 7"),
        ("- a", "f.yaml:1: a document is a mapping"),
        ("kind: Webhook\nid: a\nid: b", "f.yaml:3: the key id stands here twice"),
        ("kind: Webhook\nid: a\ntrue: b", 'f.yaml:3: a key is a text; write "true" in quotes'),
        ("kind: Webhook\nid: a\n? [x]\n: b", "f.yaml:3: a key is a text"),
        ("kind: Webhook\nid: !!python/name:os.system a", "f.yaml:2: id: 'a' is not a value of"),
        ("kind: Webhook\nid: !x a", "f.yaml:2: id: has the tag !x"),
        ("kind: Webhook\nid: a\nx: !!set {a}", "f.yaml:3: x: has the tag"),
        ("kind: Webhook\nid: a\nx: &a [*a]", "f.yaml:3: x[0]: contains itself"),
        ("kind: Webhook\nid: a\nx: *nothing", "f.yaml:3: is not YAML: found undefined alias"),
        ("kind: Webhook\nid: a\nx: .nan", "f.yaml:3: x: .nan is not a number"),
        ("kind: Webhook\nid: a\nx: 1e999", "f.yaml:3: x: 1e999 is not a number"),
        (f"kind: Webhook\nid: a\nx: {'9' * 6000}", "f.yaml:3: x: a whole number that needs more"),
        ('kind: Webhook\nid: a\nx: "\\uD800"', "f.yaml:3: x: holds half a Unicode character"),
        ("kind: [", "f.yaml:1: is not YAML"),
        ("kind: \x07", "f.yaml: is not YAML"),
        ("\t- a", "f.yaml:1: is not YAML"),
        ("[" * 10_000, f"f.yaml:1: is not YAML: nested deeper than {MAX_DEPTH}"),
    ],
    ids=lambda value: value[:40],
)
def test_bad_yaml_is_refused_with_file_and_line(text, said):
    read = read_texts([("f.yaml", text)])

    assert str(read.problems[0]).startswith(said)
    assert read.definitions == ()


def test_aliases_cannot_blow_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(yaml_core, "MAX_VALUES", 2_000)
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)
    )

    (problem,) = read_texts([("f.yaml", bomb)]).problems

    assert "aliases included" in problem.message


def test_an_id_stands_once_for_each_kind():
    read = read_texts([("a.yaml", "kind: Webhook\nid: x"), ("b.yaml", "# \nkind: Webhook\nid: x")])

    assert [str(problem) for problem in read.problems] == [
        'b.yaml:3: id: the webhook "x" is defined at a.yaml:1 already'
    ]


def test_a_directory_is_read_with_all_below_it(tmp_path: Path):
    (tmp_path / "below").mkdir()
    (tmp_path / "b.yml").write_text("kind: Webhook\nid: b")
    (tmp_path / "below" / "a.yaml").write_text("\ufeffkind: Webhook\nid: a")
    (tmp_path / "note.txt").write_text("not a manifest")

    read = load([tmp_path])

    assert sorted(one.id for one in read.definitions) == ["a", "b"]
    assert read.problems == ()


def test_files_that_cannot_be_read_are_named(tmp_path: Path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"kind: Webhook\nid: \xe9")

    problems = load([tmp_path / "missing.yaml", latin]).problems

    assert [problem.place for problem in problems] == [str(tmp_path / "missing.yaml"), str(latin)]
    assert "No such file" in problems[0].message
    assert "is not UTF-8: byte 18 is 0xe9" in problems[1].message


def test_an_empty_directory_is_not_taken_for_no_definitions(tmp_path: Path):
    assert "has no files" in load([tmp_path]).problems[0].message
