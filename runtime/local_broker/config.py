"""What a local broker is told: Kafka's version, its Maven project, its properties.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KAFKA_VERSION: Final = "4.3.1"
LOG4J_VERSION: Final = "2.25.3"
MINIMUM_JAVA: Final = 17
LOOPBACK: Final = "127.0.0.1"
#: The line in the broker's log after which it serves.
STARTED: Final = "Kafka Server started"

POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>hookline</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-core</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

LOG4J: Final = """\
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %p %m (%c{1})%n%ex{12}"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Logger name="org.apache.kafka.server" level="WARN"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""

#: A start of 4 s instead of 8 on two busy cores matters more here than the compiled code's speed.
JVM_OPTIONS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def server_properties(
    data_dir: str, *, port: int, controller_port: int, overrides: Mapping[str, str] | None = None
) -> str:
    """The properties of a single node that is broker and controller.

    Args:
        data_dir: Where it keeps its logs.
        port: Of the clients' listener, on loopback.
        controller_port: Of the controllers' listener, on loopback.
        overrides: Added to or put in place of the rest.  `{port}` and `{controller_port}` in
            their values are replaced, so that listeners can be redefined (SASL, TLS).
    """
    listeners = f"PLAINTEXT://{LOOPBACK}:{port}"
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": listeners,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "log.dirs": data_dir,
        "auto.create.topics.enable": "false",
        # One node holds every replica.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Made at first use, partition by partition; the defaults of 50 cost seconds.
        "offsets.topic.num.partitions": "5",
        "transaction.state.log.num.partitions": "5",
        # Nobody else is about to join.
        "group.initial.rebalance.delay.ms": "0",
        # Fault tests notice a dead member sooner than production may.
        "group.min.session.timeout.ms": "1000",
        # After kill -9 the node waits until its former self's registration has run out: 9 s.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        # What a killed member left open holds up read-committed readers: look every second, not 10.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # 128 MiB of the heap by default, taken at start; the tables here are small.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }
    for name, value in (overrides or {}).items():
        properties[name] = value.replace("{port}", str(port)).replace(
            "{controller_port}", str(controller_port)
        )
    return "".join(f"{name}={value}\n" for name, value in properties.items())
