"""What the workflow service counts and times."""

from __future__ import annotations

from runtime import metrics

EVENTS = metrics.counter(
    "hookline_workflow_events_total", "Events that were matched with the workflows.", ["topic"]
)
MATCHES = metrics.counter(
    "hookline_workflow_matches_total", "Workflows that fired, counted for each event."
)
ACTIONS = metrics.counter("hookline_workflow_actions_total", "Actions that were written.")
DRY_RUN_MATCHES = metrics.counter(
    "hookline_workflow_dry_run_matches_total",
    "Workflows in dry run that would have fired, counted for each event.",
)
DRY_RUN_ACTIONS = metrics.counter(
    "hookline_workflow_dry_run_actions_total",
    "Actions that were written to be looked at, and are delivered to nobody.",
)
FIRINGS = metrics.counter(
    "hookline_workflow_firings_total",
    "Records for which a once-per-record workflow has fired.",
)
REMEMBERED = metrics.gauge(
    "hookline_workflow_firings_remembered",
    "Firings of once-per-record workflows that this member keeps in memory.",
)
DEAD_LETTERS = metrics.counter(
    "hookline_workflow_dead_letters_total", "Dead letters that were written.", ["reason"]
)
FAILED_BATCHES = metrics.counter(
    "hookline_workflow_failed_batches_total",
    "Transactions that failed and were done again; nothing of them is to be seen.",
)
BATCH = metrics.histogram(
    "hookline_workflow_batch_seconds", "From the first event of a batch to its commit."
)
MATCHING = metrics.histogram(
    "hookline_workflow_matching_seconds", "Decoding, matching and building of a batch."
)
HELD = metrics.gauge(
    "hookline_workflow_held", "1 while the service pauses because no event can be read."
)
LAG = metrics.gauge(
    "hookline_workflow_lag", "Events that this member has still to match.", ["topic", "partition"]
)
