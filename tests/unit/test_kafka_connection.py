"""What the client is told, from settings."""

from __future__ import annotations

import pytest

from runtime.bridge.oauth import ClientCredentials
from runtime.kafka import KafkaBroker
from runtime.kafka.connection import client_arguments, consumer_arguments, producer_arguments
from runtime.kafka.oauth import Tokens
from runtime.settings import Settings
from schemas.errors import ConfigurationError


def settings(**values: object) -> Settings:
    return Settings.model_validate({"kafka_bootstrap_servers": "a:1,b:2"} | values)


def test_without_security_settings_nothing_is_secured():
    arguments = client_arguments(settings())

    assert arguments["bootstrap_servers"] == ["a:1", "b:2"]
    assert arguments["security_protocol"] == "PLAINTEXT"
    assert not [name for name in arguments if name.startswith(("ssl_", "sasl_"))]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_user_and_password_reach_the_client(mechanism):
    arguments = client_arguments(
        settings(
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username="u",
            kafka_sasl_password="p",
        )
    )

    assert arguments["sasl_mechanism"] == mechanism
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("u", "p")


def test_certificates_reach_the_client_and_host_names_are_checked(tmp_path):
    files = {name: tmp_path / name for name in ("ca", "cert", "key")}
    for path in files.values():
        path.touch()

    arguments = client_arguments(
        settings(
            kafka_security_protocol="SSL",
            kafka_ssl_ca_file=files["ca"],
            kafka_ssl_cert_file=files["cert"],
            kafka_ssl_key_file=files["key"],
        )
    )

    assert arguments["ssl_check_hostname"] is True
    assert arguments["ssl_cafile"] == str(files["ca"])
    assert arguments["ssl_certfile"] == str(files["cert"])
    assert arguments["ssl_keyfile"] == str(files["key"])


def test_oauthbearer_gets_a_source_of_tokens_that_asks_only_when_needed():
    arguments = client_arguments(
        settings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="OAUTHBEARER",
            kafka_oauth_token_url="https://id.example/token",
            kafka_oauth_client_id="c",
            kafka_oauth_client_secret="s",
        )
    )

    assert isinstance(arguments["sasl_oauth_token_provider"], Tokens)


def test_a_token_url_that_is_a_file_is_refused():
    with pytest.raises(ConfigurationError, match=r"file:///etc/passwd.*not http"):
        ClientCredentials("file:///etc/passwd", "c", "s", None)


def test_idempotence_is_asked_for_by_name_with_all_acknowledgements():
    arguments = producer_arguments(settings(kafka_delivery_timeout_ms=5_000))

    assert arguments["enable_idempotence"] is True
    assert arguments["acks"] == "all"
    assert arguments["request_timeout_ms"] <= arguments["delivery_timeout_ms"] == 5_000


def test_consumers_read_committed_records_and_commit_nothing_by_themselves():
    arguments = consumer_arguments(settings())

    assert arguments["isolation_level"] == "read_committed"
    assert arguments["enable_auto_commit"] is False
    assert arguments["auto_offset_reset"] == "earliest"
    assert "key_deserializer" not in arguments
    assert "value_deserializer" not in arguments


def test_making_the_broker_connects_nothing():
    broker = KafkaBroker(settings())

    broker.consumer(group="g", topics=["t"])
    broker.publisher()
    broker.transactional_publisher("t")
    broker.tables()
    broker.reader()
    broker.admin()
