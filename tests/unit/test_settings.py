"""runtime.settings: one clear line for every way in which an operator can be wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runtime.settings import HIDDEN, Settings
from runtime.settings_page import SECTIONS, page, shows_a_secret
from schemas.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


def refused(**environ: str) -> str:
    """The message with which an environment is refused."""
    with pytest.raises(ConfigurationError) as error:
        Settings.from_env({f"HOOKLINE_{name.upper()}": value for name, value in environ.items()})
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_variables_the_defaults_hold():
    assert Settings.from_env({"PATH": "/bin"}) == Settings()


def test_values_are_read_as_what_they_mean():
    settings = Settings.from_env(
        {
            "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": "one:9092, two:9092",
            "HOOKLINE_RETRY_TIERS_MS": "500,60000",
            "HOOKLINE_TOPIC_PARTITIONS": "12",
        }
    )

    assert settings.kafka_bootstrap_servers == ("one:9092", "two:9092")
    assert settings.topics.tiers == (timedelta(milliseconds=500), timedelta(minutes=1))
    assert settings.topics.partitions == 12


def test_an_empty_value_counts_as_not_set():
    assert Settings.from_env({"HOOKLINE_REGISTRY_URL": ""}).registry_url is None


def test_an_unknown_variable_is_refused_with_the_nearest_name():
    assert refused(gateway_prot="1") == (
        "HOOKLINE_GATEWAY_PROT is not a setting; did you mean HOOKLINE_GATEWAY_PORT?"
    )


def test_all_problems_are_named_at_once():
    message = refused(gateway_prot="1", topic_partitions="0", log_level="loud")

    assert "HOOKLINE_GATEWAY_PROT is not a setting" in message
    assert "HOOKLINE_TOPIC_PARTITIONS='0': Input should be greater than or equal to 1" in message
    assert "HOOKLINE_LOG_LEVEL='loud': Input should be 'debug', 'info'" in message


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"retry_tiers_ms": "a"}, "whole milliseconds", id="tiers are numbers"),
        pytest.param({"retry_tiers_ms": "0,5"}, "got 0", id="tiers are positive"),
        pytest.param({"retry_tiers_ms": "5,5"}, "got 5 after 5", id="tiers rise"),
        pytest.param({"retry_tiers_ms": "9" * 30}, "whole milliseconds", id="tiers are finite"),
        pytest.param({"kafka_bootstrap_servers": "one"}, "host:port", id="servers have ports"),
        pytest.param({"kafka_bootstrap_servers": "one:0"}, "host:port", id="ports are positive"),
        pytest.param({"registry_url": "ftp://x"}, "http://", id="registry by http"),
        pytest.param(
            {"webhook_allow_networks": "10.0.0.1/8"}, "10.0.0.0/8", id="networks have no host bits"
        ),
        pytest.param({"topic_prefix": "CRM!"}, "match pattern", id="prefix is a topic name"),
        pytest.param({"schemas_dir": "/does/not/exist"}, "directory", id="folder exists"),
        pytest.param(
            {"kafka_security_protocol": "SSL", "kafka_ssl_ca_file": "/does/not/exist"},
            "HOOKLINE_KAFKA_SSL_CA_FILE='/does/not/exist': Path does not point to a file",
            id="file exists",
        ),
        pytest.param(
            {"kafka_security_protocol": "SASL_SSL"},
            "needs HOOKLINE_KAFKA_SASL_MECHANISM: one of PLAIN",
            id="SASL needs a mechanism",
        ),
        pytest.param(
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "PLAIN"},
            "PLAIN needs HOOKLINE_KAFKA_SASL_USERNAME",
            id="PLAIN needs a user",
        ),
        pytest.param(
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "OAUTHBEARER"},
            "OAUTHBEARER needs HOOKLINE_KAFKA_OAUTH_TOKEN_URL",
            id="OAUTHBEARER needs a token server",
        ),
        pytest.param(
            {"kafka_sasl_username": "ada"},
            "PLAINTEXT: set that to SASL_SSL",
            id="a user without SASL would have no effect",
        ),
        pytest.param(
            {"kafka_ssl_ca_file": __file__},
            "PLAINTEXT: set that to SSL",
            id="a certificate without TLS would have no effect",
        ),
        pytest.param(
            {"kafka_security_protocol": "SSL", "kafka_ssl_cert_file": __file__},
            "set together",
            id="a certificate needs its key",
        ),
        pytest.param(
            {"rebalance_budget_ms": "20000", "kafka_max_poll_interval_ms": "10000"},
            "must be below",
            id="a rebalance fits in a poll interval",
        ),
        pytest.param(
            {"registry_username": "ada"}, "REGISTRY_URL is not", id="no registry, no user"
        ),
        pytest.param(
            {"registry_url": "http://registry:8081", "registry_username": "ada"},
            "set together",
            id="a registry user needs a password",
        ),
    ],
)
def test_what_cannot_work_is_refused(environ: dict[str, str], expected: str):
    assert expected in refused(**environ)


def test_a_complete_security_configuration_is_accepted():
    settings = Settings.from_env(
        {
            "HOOKLINE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HOOKLINE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "HOOKLINE_KAFKA_SASL_USERNAME": "ada",
            "HOOKLINE_KAFKA_SASL_PASSWORD": "hunter2",
            "HOOKLINE_KAFKA_SSL_CA_FILE": __file__,
        }
    )

    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.get_secret_value() == "hunter2"


def test_no_message_shows_a_secret():
    secrets = dict.fromkeys(HIDDEN, "hunter2")

    # A contradiction among fields reports without input, a bad value with its own only.
    assert "hunter2" not in refused(**secrets)
    assert "hunter2" not in refused(**secrets, health_port="x")


def test_the_repr_shows_no_secret():
    settings = Settings.from_env(
        {
            "HOOKLINE_ENTITY_DATABASE_URL": "mysql://ada:hunter2@db/crm",
            "HOOKLINE_SECRET_KEYS": "hunter2",
            "HOOKLINE_GATEWAY_TOKENS": "hunter2,hunter2",
        }
    )

    assert "hunter2" not in repr(settings)


def test_every_secret_field_is_hidden():
    assert [
        name for name, field in Settings.model_fields.items() if shows_a_secret(name, field)
    ] == []


def test_every_field_says_what_it_means():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_section_of_the_page_begins_with_a_field():
    assert SECTIONS.keys() <= Settings.model_fields.keys()


def test_the_page_of_settings_is_in_step():
    written = (ROOT / "docs" / "settings.md").read_text()

    assert written == page(), "run `make docs`"
