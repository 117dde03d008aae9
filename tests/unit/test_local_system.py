"""What `hookline demo` and `hookline dev` refuse before they start anything."""

from __future__ import annotations

import pytest

from console import system
from console.cli.root import run


@pytest.mark.parametrize("command", ["demo", "dev"])
def test_without_the_receivers_library_one_sentence_says_what_to_install(
    capsys, monkeypatch, command
):
    monkeypatch.setattr(system, "VERIFIER", "a_library_that_is_not_here")

    assert run([command], {}) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "a_library_that_is_not_here, which is not installed" in line
    assert "pip install 'hookline[demo]'" in line


@pytest.mark.parametrize("command", ["demo", "dev"])
def test_an_unknown_setting_is_refused_before_a_broker_is_started(capsys, command):
    assert run([command], {"HOOKLINE_KAFKA_BOOTSTRAP_SERVER": "127.0.0.1:9092"}) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "did you mean HOOKLINE_KAFKA_BOOTSTRAP_SERVERS?" in line
