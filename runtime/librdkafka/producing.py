"""The client's idempotent producer, and the thread that hears of its deliveries."""

from __future__ import annotations

import threading
import time
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from runtime.bridge.producing import Settled, Slot
from runtime.broker import Outgoing
from runtime.librdkafka.connection import producer_configuration, reach
from runtime.librdkafka.failures import Trouble, cause_of, error_of
from runtime.librdkafka.records import acknowledged, produce
from runtime.logs import get_logger
from runtime.settings import Settings

log = get_logger(__name__)

#: How late the thread sees that it is to end.
POLL_S = 0.1
#: Where the client does not say which it was.
FATAL = KafkaError(KafkaError._FATAL)  # noqa: SLF001


class LibrdkafkaProducing:
    """`runtime.bridge.producing.ProducerClient`."""

    def __init__(self, settings: Settings) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._known: set[str] = set()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._trouble = Trouble()
        self._producer: Producer | None = None
        self._settled: Settled | None = None

    def connect(self, settled: Settled) -> None:
        """Connect; raises if there is no broker."""
        self._settled = settled
        self._producer = self._made()
        reach(self._producer, self._trouble, self._settings)
        self._thread = threading.Thread(target=self._serve, name="hookline-outcomes", daemon=True)
        self._thread.start()

    def knows(self, topic: str) -> bool:
        """Whether the topic was looked up before."""
        return topic in self._known

    def look_up(self, topic: str) -> None:
        """Learn of a topic; one made a moment ago may not be known to every broker yet."""
        deadline = time.monotonic() + self._settings.publish_wait_ms / 1000
        while True:
            left = max(0.1, deadline - time.monotonic())
            found = self._there().list_topics(topic, timeout=left).topics[topic]
            if found.error is None:
                self._known.add(topic)
                return
            if time.monotonic() > deadline:
                raise KafkaException(found.error)
            time.sleep(0.1)

    def send(self, record: Outgoing, slot: Slot) -> None:
        """Take one record; its outcome comes on the serving thread."""
        if self._trouble.fatal is not None:
            self._replace()
        produce(self._there(), record, partial(self._delivered, slot))

    def close(self, timeout_s: float) -> None:
        """Flush within the timeout, then free everything."""
        producer, self._producer = self._there(), None
        if producer.flush(timeout_s):
            producer.purge()
            producer.flush(1)
        self._closing = True
        if self._thread is not None:
            self._thread.join()

    def _made(self) -> Producer:
        return Producer(producer_configuration(self._settings, self._trouble))

    def _there(self) -> Producer:
        if self._producer is None:
            raise KafkaException(KafkaError(KafkaError._STATE, "the producer is closed"))  # noqa: SLF001
        return self._producer

    def _replace(self) -> None:
        """After a fatal error a producer takes nothing more: what waits in it has failed."""
        log.warning("broker.producer_replaced", error=str(self._trouble.fatal))
        self._trouble = Trouble()
        self._producer = self._made()

    def _serve(self) -> None:
        while not self._closing:
            producer = self._producer
            if producer is None:
                time.sleep(POLL_S)
            else:
                self._poll(producer)

    def _poll(self, producer: Producer) -> None:
        try:
            producer.poll(POLL_S)
        except (KafkaException, SystemError) as error:
            # Only a fatal error is raised here; the next record finds a new producer.
            self._trouble.fatal = error_of(cause_of(error)) or FATAL

    def _delivered(self, slot: Slot, error: KafkaError | None, message: Message) -> None:
        if self._settled is None:
            return
        if error is not None:
            self._settled(slot, KafkaException(error))
        else:
            self._settled(slot, acknowledged(message))
