"""runtime.local_broker: which way to a broker is taken, and what is said when there is none."""

from __future__ import annotations

import pytest

from runtime.local_broker import choose, docker, ways
from runtime.local_broker.config import server_properties
from runtime.local_broker.find import Kind, Way
from runtime.local_broker.java import cache_dir, java_version
from runtime.local_broker.run import last_lines
from runtime.local_broker.warden import watch
from schemas.errors import BrokerError, ConfigurationError


class Started:
    """A broker that only remembers what was asked of it."""

    def __init__(self) -> None:
        self.bootstrap_servers = "127.0.0.1:9"
        self.asked: list[str] = []

    def start(self) -> None:
        self.asked.append("start")

    def abort(self) -> None:
        self.asked.append("abort")

    def close(self) -> None:
        self.asked.append("close")


def way(kind: Kind, why_not: str | None) -> Way:
    return Way(kind, lambda: why_not, Started)


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        pytest.param((None, None, None), "given", id="a given address comes first"),
        pytest.param(("not set", None, None), "docker", id="then Docker"),
        pytest.param(("not set", "no engine", None), "jvm", id="then the JVM"),
    ],
)
def test_the_first_open_way_is_taken(closed: tuple[str | None, ...], expected: str):
    kinds: tuple[Kind, ...] = ("given", "docker", "jvm")

    assert (
        choose([way(kind, why) for kind, why in zip(kinds, closed, strict=True)]).kind == expected
    )


def test_what_is_not_needed_is_not_looked_at():
    def looked() -> str:
        raise AssertionError("asked for Docker although an address was given")

    assert choose([way("given", None), Way("docker", looked, Started)]).kind == "given"


def test_without_any_way_each_is_named_with_what_is_missing():
    with pytest.raises(ConfigurationError) as error:
        choose([way("given", "it is not set"), way("docker", "no engine"), way("jvm", "no java")])

    assert str(error.value) == (
        "no Kafka can be found or started: it is not set; no engine; no java"
    )


def test_the_ways_are_those_that_the_documentation_names():
    environ = {"HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": "one:9092"}

    given, *others = ways(environ)

    assert [given.kind, *(other.kind for other in others)] == ["given", "docker", "jvm"]
    assert given.why_not() is None
    assert given.make().bootstrap_servers == "one:9092"
    assert ways({})[0].why_not() == "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS is not set"


class Container:
    """A container that starts, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.stopped = False

    def start(self) -> None:
        if self.error:
            raise self.error

    def stop(self) -> None:
        self.stopped = True

    def get_bootstrap_server(self) -> str:
        return "localhost:32768"


def test_a_container_is_started_and_removed():
    container, said = Container(), list[str]()
    broker = docker.DockerBroker(container, said.append)

    broker.start()
    broker.close()

    assert broker.bootstrap_servers == "localhost:32768"
    assert container.stopped
    assert "Docker container" in said[0]


def test_a_container_that_does_not_start_is_removed_and_the_reason_told():
    container = Container(RuntimeError("no space left on device"))

    with pytest.raises(BrokerError, match="could not run Kafka: no space left on device"):
        docker.DockerBroker(container, lambda _: None).start()
    assert container.stopped


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        pytest.param('openjdk version "17.0.15" 2025-04-15', 17, id="17"),
        pytest.param('java version "1.8.0_392"', 8, id="8 was called 1.8"),
        pytest.param('openjdk version "25" 2025-09-16', 25, id="25 without a dot"),
        pytest.param("Unable to locate a Java Runtime.", None, id="a stub"),
    ],
)
def test_the_version_of_java_is_read(printed: str, expected: int | None):
    assert java_version(printed) == expected


def test_the_jars_are_cached_for_the_user_by_version():
    assert str(cache_dir({"XDG_CACHE_HOME": "/cache"})) == "/cache/hookline/kafka-4.3.1"


def test_overrides_replace_properties_and_know_the_ports():
    text = server_properties(
        "/data",
        port=1234,
        controller_port=1235,
        overrides={
            "listeners": "SASL_PLAINTEXT://127.0.0.1:{port},CONTROLLER://:{controller_port}"
        },
    )

    lines = text.splitlines()
    assert "listeners=SASL_PLAINTEXT://127.0.0.1:1234,CONTROLLER://:1235" in lines
    assert len([line for line in lines if line.startswith("listeners=")]) == 1
    assert "log.dirs=/data" in lines
    assert "auto.create.topics.enable=false" in lines


def test_the_warden_remembers_what_is_to_go():
    lines = ["remove /somewhere/kafka-1\n", "kill 7\n", "forget 7\n", "kill 8\n"]

    assert watch(lines) == ({8}, {"/somewhere/kafka-1"})


def test_the_end_of_a_log_is_quoted():
    assert last_lines("one\ntwo\nthree\n", 2) == "    two\n    three"
    assert last_lines("") == "    (it said nothing)"
