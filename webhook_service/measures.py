"""The service's metrics, declared once."""

from __future__ import annotations

from runtime import metrics

ATTEMPTS = metrics.counter(
    "hookline_delivery_attempts_total",
    "Attempts by what came of them: delivered, waiting or dead, and the error's class.",
    ["outcome", "error_class"],
)
UNKNOWN = metrics.counter(
    "hookline_delivery_attempts_unknown_total",
    "Attempts whose request was sent and has no answer: the endpoint may have acted on it.",
)
LATENCY = metrics.histogram(
    "hookline_delivery_attempt_seconds",
    "How long an attempt took, from its start to the end of the answer.",
)
AGE = metrics.histogram(
    "hookline_delivery_age_seconds",
    "Time from the match to the successful delivery, retries included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3_600, 86_400, 604_800),
)
IN_FLIGHT = metrics.gauge("hookline_deliveries_in_flight", "Requests under way.")
QUEUED = metrics.gauge("hookline_deliveries_queued", "Deliveries in the lanes' queues.")
SLOTS = metrics.gauge(
    "hookline_delivery_slots_taken",
    "Requests under way to endpoints that answer soon (quick) and to those that do not (slow).",
    ["pool"],
)
LANES = metrics.gauge(
    "hookline_lanes",
    "Webhooks with deliveries in this process, by how their lane stands.",
    ["state"],
)
UNACCOUNTED = metrics.gauge(
    "hookline_deliveries_unaccounted", "Finished deliveries whose transaction is not committed yet."
)
AWAY = metrics.gauge(
    "hookline_deliveries_waiting", "Deliveries of this member's partitions in retry tiers."
)
TO_TIER = metrics.counter(
    "hookline_retry_records_total",
    "Records written to retry tiers, by tier and reason.",
    ["tier", "reason"],
)
DEAD = metrics.counter(
    "hookline_dead_letters_total", "Dead letters, by the error's class.", ["error_class"]
)
REPEATED = metrics.counter(
    "hookline_deliveries_dropped_total",
    "Deliveries whose partition went to another member before they were accounted for.",
)
ACCOUNTED = metrics.histogram(
    "hookline_accounting_seconds", "How long one accounting transaction took."
)
ACCOUNT_FAILURES = metrics.counter(
    "hookline_accounting_failures_total", "Accounting transactions that were aborted."
)
