"""The names of all record headers: CloudEvents, Kafka Connect's error convention, and our own.

Beside them the headers of HTTP requests that several parts must agree on.

Values are UTF-8 text; numbers are decimal, instants are Unix milliseconds, so that any Kafka tool
can show and filter them without knowing Avro.
"""

from __future__ import annotations

from typing import Final

CONTENT_TYPE: Final = "content-type"
AVRO: Final = b"application/avro"

# CloudEvents 1.0, Kafka protocol binding, binary mode: on every event.
CE_SPECVERSION: Final = "ce_specversion"
CE_ID: Final = "ce_id"
CE_SOURCE: Final = "ce_source"
CE_TYPE: Final = "ce_type"
CE_TIME: Final = "ce_time"
CE_SUBJECT: Final = "ce_subject"

# Retry state: on actions in a retry tier; the origin, and the outcome, on attempts as well.
#: Attempts spent so far; absent or 0 before the first.
ATTEMPTS: Final = "hookline-attempts"
#: When the next attempt is due.
DUE_AT: Final = "hookline-due-at"
#: When the record leaves the tier it is in: not after `DUE_AT`, and no less than the tier's delay
#: after it was written.
LEAVE_AT: Final = "hookline-leave-at"
#: Offset in the actions topic (same partition) where the record came from: its place in the order.
ORIGIN_OFFSET: Final = "hookline-origin-offset"
FIRST_ATTEMPT_AT: Final = "hookline-first-attempt-at"
LAST_ATTEMPT_AT: Final = "hookline-last-attempt-at"
LAST_STATUS: Final = "hookline-last-status"
#: Every attempt so far, oldest first: `began status class duration`, with `;` between them; instants
#: in Unix milliseconds, durations in milliseconds, `-` for what there was not.
ATTEMPT_LOG: Final = "hookline-attempt-log"
#: On an attempt: `delivered`, `waiting` or `dead`, so that it can be counted without decoding it.
OUTCOME: Final = "hookline-outcome"
#: Why the record waits: `retry`, or `parked` without an attempt (lane full, behind another one).
WAIT_REASON: Final = "hookline-wait-reason"

# Dead letters, in addition to the above.
WEBHOOK: Final = "hookline-webhook"
WORKFLOW: Final = "hookline-workflow"
ACTION_ID: Final = "hookline-action-id"
REASON: Final = "hookline-reason"
ERROR_CLASS: Final = "hookline-error-class"
#: The whole chain of an action that had too many hops: a JSON list of links, oldest first.
CHAIN: Final = "hookline-chain"
ERROR_TOPIC: Final = "__connect.errors.topic"
ERROR_PARTITION: Final = "__connect.errors.partition"
ERROR_OFFSET: Final = "__connect.errors.offset"
ERROR_CONNECTOR: Final = "__connect.errors.connector.name"
ERROR_STAGE: Final = "__connect.errors.stage"
ERROR_CLASS_NAME: Final = "__connect.errors.class.name"
ERROR_EXCEPTION_CLASS: Final = "__connect.errors.exception.class.name"
ERROR_EXCEPTION_MESSAGE: Final = "__connect.errors.exception.message"

# Resolutions: records on a dead-letter topic that settle an earlier one.
#: `replayed` or `discarded`.
RESOLUTION: Final = "hookline-resolution"
#: `partition:offset` on the same topic of the dead letter that is settled.
RESOLVES: Final = "hookline-resolves"
RESOLUTION_REASON: Final = "hookline-resolution-reason"
RESOLVED_BY: Final = "hookline-resolved-by"

# Replays: on an action that was sent again.
#: `topic:partition:offset` of the dead letter it was.
REPLAY_OF: Final = "hookline-replay-of"
#: The replay of a workflow that sent it.
REPLAY: Final = "hookline-replay"

# HTTP: what a delivery's request says of its cause.  A receiver that changes records on its account
# hands them on as they came, and so continues the chain.
X_CORRELATION_ID: Final = "X-Correlation-Id"
X_CAUSATION_ID: Final = "X-Causation-Id"
X_HOPS: Final = "X-Hops"
X_CHAIN: Final = "X-Chain"
# On a request that replays a dead letter: which, and which version of its record it tells of; what was
# delivered meanwhile may be newer.
X_REPLAY_OF: Final = "X-Replay-Of"
X_RECORD_VERSION: Final = "X-Record-Version"
