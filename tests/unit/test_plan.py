"""What a local system consists of."""

from __future__ import annotations

from pathlib import Path

from console.demo.manifests import manifests
from console.dev import examples, exports
from console.plan import ENDPOINTS, PORTS, Ground, plan
from runtime.manifests import read_texts
from runtime.settings import Settings


def local(environ: dict[str, str] | None = None):
    """A plan on made-up ground."""
    secrets = dict.fromkeys(ENDPOINTS, "whsec_" + "A" * 43 + "=")
    ground = Ground(
        environ=environ or {},
        servers="127.0.0.1:9092",
        prefix="dev-1",
        secret_key="k",
        directory=Path("/nowhere"),
        ports=range(20_000, 20_000 + PORTS),
        secrets=secrets,
    )
    return plan(ground)


def test_both_consuming_services_have_two_members_and_every_process_a_name_of_its_own():
    names = [program.name for program in local().programs]

    assert len(set(names)) == len(names) == 8
    assert {"workflows-1", "workflows-2", "webhooks-1", "webhooks-2"} <= set(names)


def test_no_two_processes_share_a_port():
    urls = [program.url for program in local().programs]

    assert len(set(urls)) == len(urls)


def test_only_the_connection_to_kafka_is_taken_from_the_users_variables():
    settings = local(
        {
            "HOOKLINE_KAFKA_SASL_USERNAME": "ada",
            "HOOKLINE_TOPIC_PREFIX": "crm",
            "HOOKLINE_WORKFLOW_GROUP": "production",
        }
    ).settings

    assert settings["HOOKLINE_KAFKA_SASL_USERNAME"] == "ada"
    assert settings["HOOKLINE_TOPIC_PREFIX"] == "dev-1"
    assert settings["HOOKLINE_WORKFLOW_GROUP"] == "dev-1-workflows"


def test_the_receiver_is_told_nothing_but_its_port_and_secrets():
    (receiver,) = [program for program in local().programs if program.name == "receiver"]

    assert receiver.environ == {}


def test_the_example_definitions_are_well_formed():
    made = read_texts([("x.yaml", manifests(local()))])

    assert made.problems == ()
    assert len(made.definitions) == 8


def test_dev_gives_a_command_for_each_thing_and_quotes_what_a_shell_would_split():
    commands = dict(examples(local(), Path("/a b/env")))

    assert ". '/a b/env' && hookline deliveries list" in commands.values()
    assert "export A='x y'\n" in exports({"A": "x y"})


def test_the_settings_of_the_plan_are_settings():
    settings = {**local().settings}
    del settings["HOOKLINE_SECRET_KEYS"]

    assert Settings.from_env(settings).topic_prefix == "dev-1"
