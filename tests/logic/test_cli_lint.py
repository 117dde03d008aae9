"""`hookline workflows lint`, and the same warnings when manifests are applied."""

from __future__ import annotations

from tests.desks import SECRET, office, parsed

LOOP = f"""\
kind: Webhook
id: mirror
url: http://127.0.0.1:9/hooks/mirror
secret: {SECRET}
writes: {{lead: [updated]}}
---
kind: Workflow
id: echo
entity: lead
on: [created, updated]
then: [{{webhook: mirror}}]
"""


def kinds(capsys):
    return [finding["kind"] for finding in parsed(capsys.readouterr().out)["findings"]]


def test_saved_definitions_that_do_not_say_what_receivers_write_have_no_warnings(capsys):
    assert office().call("workflows", "lint") == 0

    said = capsys.readouterr().out
    assert "note: cycles through sales, standby cannot be seen" in said
    assert said.endswith("no warnings\n")


def test_a_saved_cycle_is_a_negative_answer_with_its_path(capsys):
    shop = office()
    shop.apply(LOOP)

    assert shop.call("workflows", "lint") == 1

    said = capsys.readouterr().out
    assert "echo → webhook mirror → lead updated → echo" in said
    assert "source: {not_in: [workflow]}" in said
    assert "1 warnings" in said


def test_a_file_is_looked_at_together_with_what_is_saved(capsys, tmp_path):
    shop = office()
    shop.apply(LOOP.partition("---\n")[0])
    file = tmp_path / "m.yaml"
    file.write_text(LOOP.partition("---\n")[2])

    assert shop.call("workflows", "lint", str(file), "--json") == 1

    assert kinds(capsys) == ["cycle"]


def test_of_a_file_only_what_concerns_it_is_shown(capsys, tmp_path):
    shop = office()
    shop.apply(LOOP)
    file = tmp_path / "m.yaml"
    file.write_text(
        "kind: Workflow\nid: calm\nentity: person\non: [created]\nthen: [webhook: people]\n"
    )

    assert shop.call("workflows", "lint", str(file), "--json") == 0

    assert kinds(capsys) == ["undeclared"]


def test_alone_files_are_looked_at_without_kafka(capsys, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(LOOP)
    shop = office()
    shop.broker = None  # type: ignore[assignment]  # whoever asked it would fail

    assert shop.call("workflows", "lint", str(file), "--alone", "--json") == 1

    assert kinds(capsys) == ["cycle"]


def test_alone_needs_a_file(capsys):
    assert office().call("workflows", "lint", "--alone") == 2
    assert "name one" in capsys.readouterr().err


def test_a_file_that_is_wrong_is_refused_with_its_lines(capsys, tmp_path):
    file = tmp_path / "m.yaml"
    broken = LOOP.replace("entity: lead", "entity: leed").replace("{lead:", "{leed:")
    file.write_text(broken)

    assert office().call("workflows", "lint", str(file), "--alone") == 2

    said = capsys.readouterr().err
    assert "m.yaml:5: writes.leed" in said
    assert "m.yaml:9" in said


def test_applying_a_cycle_warns_and_saves_it(capsys, tmp_path):
    shop = office()
    file = tmp_path / "m.yaml"
    file.write_text(LOOP)

    assert shop.call("apply", "-f", str(file), "--json") == 0

    said = parsed(capsys.readouterr().out)
    (warning,) = said["warnings"]
    assert warning["place"] == "echo"
    assert "echo can set itself off" in warning["message"]
    assert "source: {not_in: [workflow]}" in warning["message"]
