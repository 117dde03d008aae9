"""`hookline` itself: help, exit codes, errors in one line."""

from __future__ import annotations

import click
import pytest

from console.cli.exits import Exit, exit_of
from console.cli.root import COMMANDS, run
from schemas.errors import (
    BrokerError,
    BrokerFullError,
    ConfigurationError,
    FencedError,
    HooklineError,
    SchemaError,
)
from tests.desks import Office, commands_of


def every_command() -> list:
    """Every command and subcommand with its name, as a test case."""
    found = []
    for name, entry in COMMANDS.items():
        command = entry.load()
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", inner) for sub, inner in commands_of(command).items()]
        else:
            found.append((name, command))
    return [pytest.param(command, id=name) for name, command in found]


@pytest.mark.parametrize("command", every_command())
def test_every_command_teaches_by_example(command):
    assert "Example" in command.help
    assert "\n  hookline " in command.help or "hookline " in command.help.split("Example")[1]


@pytest.mark.parametrize("command", every_command())
def test_every_command_that_prints_json_documents_it(command):
    prints = any("--json" in option.opts for option in command.params)

    assert ("JSON:" in command.help or "JSON lines:" in command.help) or not prints


def test_the_help_lists_every_command_and_every_exit_code(capsys):
    assert run(["--help"], {}) == 0

    out = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in out
    for code in Exit:
        assert f"\n    {int(code)} " in out


def test_a_mistyped_command_is_answered_with_the_nearest(capsys):
    assert run(["dead-leters", "list"], {}) == 2

    error = capsys.readouterr().err
    assert "did you mean 'dead-letters'?" in error
    assert error.count("\n") == 1


def test_wrong_usage_ends_with_2_and_says_where_to_read_on(capsys):
    assert run(["trace", "not-an-id"], {}) == 2

    error = capsys.readouterr().err
    assert "not-an-id" in error
    assert "hookline trace --help" in error


def test_an_unknown_setting_ends_with_2_in_one_line(capsys):
    assert run(["topics", "check"], {"HOOKLINE_TOPIC_PREFX": "crm"}) == 2

    error = capsys.readouterr().err
    assert "HOOKLINE_TOPIC_PREFIX" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["topics", "check"], id="topics"),
        pytest.param(["workflows", "list"], id="workflows"),
        pytest.param(["dead-letters", "list"], id="dead letters"),
        pytest.param(["deliveries", "list"], id="deliveries"),
    ],
)
def test_without_a_broker_commands_end_with_3(capsys, arguments):
    office = Office().with_topics()
    office.broker.down = True

    assert office.call(*arguments) == 3

    captured = capsys.readouterr()
    assert captured.err == "hookline: the broker is down\n"
    assert captured.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(ConfigurationError("x"), 2, id="configuration"),
        pytest.param(BrokerError("x"), 3, id="broker"),
        pytest.param(BrokerFullError("x"), 3, id="full"),
        pytest.param(FencedError("x"), 4, id="fenced"),
        pytest.param(SchemaError("x"), 1, id="schema"),
        pytest.param(HooklineError("x"), 1, id="any other"),
    ],
)
def test_errors_end_in_their_exit_codes(error, code):
    assert exit_of(error) == code


def test_topics_are_created_once_and_drift_is_a_negative_answer(capsys):
    office = Office()

    assert office.call("topics", "check") == 1
    assert office.call("topics", "create", "--json") == 0
    assert office.call("topics", "create") == 0
    assert office.call("topics", "check") == 0
    office.broker.make("crm.attempts.other")
    office.environ["HOOKLINE_TOPIC_PARTITIONS"] = "3"
    assert office.call("topics", "check", "--json") == 1

    assert "drift" in capsys.readouterr().out


def test_a_secret_key_is_generated_fresh_each_time(capsys):
    run(["secret-key", "generate"], {})
    first = capsys.readouterr().out
    run(["secret-key", "generate"], {})

    assert capsys.readouterr().out != first


def test_health_without_an_address_says_what_to_give(capsys):
    assert run(["health"], {}) == 2

    assert "HOOKLINE_HEALTH_PORT" in capsys.readouterr().err
