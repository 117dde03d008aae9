"""The headers of dead letters: what could not be processed, where it stood, and why.

Pure.  Kafka Connect's names come first, for the tools that know them, then ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas import headers

Headers = tuple[tuple[str, bytes], ...]
#: A stable word for the reason; what lists are grouped by.
ErrorClass = Literal[
    "undecodable",
    "unknown-schema",
    "too-many-hops",
    "unknown-webhook",
    "workflow-failed",
    "too-large",
]
SERVICE = "workflow_service"
#: A reason is for people; the bytes that caused it are in the record.
MAX_REASON = 2_000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record is a dead letter.

    Attributes:
        text: One sentence.
        stage: What was being done: `decode`, `match`, `act`.
        exception: The class of the exception, if there was one.
        workflow: The workflow it is about, if it is about one.
        chain: The actions that led to it, as JSON; empty where they are not the reason.
    """

    error_class: ErrorClass
    text: str
    stage: str
    exception: str = "schemas.errors.SchemaError"
    workflow: str | None = None
    chain: str = ""


def dead_letter_headers(
    original: Headers, reason: Reason, topic: str, partition: int, offset: int
) -> Headers:
    """The headers of a record that dies: its own, verbatim, then where it stood and why."""
    text = reason.text[:MAX_REASON].encode(errors="replace")
    workflow = ((headers.WORKFLOW, reason.workflow.encode()),) if reason.workflow else ()
    chain = ((headers.CHAIN, reason.chain.encode()),) if reason.chain else ()
    return (
        *original,
        (headers.ERROR_TOPIC, topic.encode()),
        (headers.ERROR_PARTITION, str(partition).encode()),
        (headers.ERROR_OFFSET, str(offset).encode()),
        (headers.ERROR_CONNECTOR, SERVICE.encode()),
        (headers.ERROR_STAGE, reason.stage.encode()),
        (headers.ERROR_CLASS_NAME, f"{SERVICE}.stage.Stage".encode()),
        (headers.ERROR_EXCEPTION_CLASS, reason.exception.encode()),
        (headers.ERROR_EXCEPTION_MESSAGE, text),
        (headers.ERROR_CLASS, reason.error_class.encode()),
        (headers.REASON, text),
        *workflow,
        *chain,
    )
