"""The workflows and webhooks of the demo and of `hookline dev`, as manifests."""

from __future__ import annotations

from console.plan import Plan

#: Short waits, so that a delivery is dead after a few seconds; in earnest the default is 75 hours.
RETRY_SCHEDULE = ("500ms", "1s")
#: The first attempt and one after each wait.
ATTEMPTS = 1 + len(RETRY_SCHEDULE)

_WEBHOOK = """\
---
kind: Webhook
id: {id}
url: {url}
entities: [{entities}]
secret: {secret}
retry:
  schedule: [{schedule}]
"""

ENTITIES_OF = {
    "people": "person",
    "sales": "lead",
    "billing": "lead",
    "organizations": "organization",
}

WORKFLOWS = """\
---
kind: Workflow
id: welcome-person
description: Every new person goes to the people team.
entity: person
on: [created]
then: [{webhook: people}]
---
kind: Workflow
id: big-lead
description: A lead that is worth at least 10,000, when it comes or when its value changes.
entity: lead
on: [created, updated]
when_changed: [lead_value]
only_if: {field: after.lead_value, at_least: 10000}
then: [{webhook: sales}]
---
kind: Workflow
id: lead-won
description: A lead has just been won; sales celebrates, billing writes the invoice.
entity: lead
on: [updated]
only_if:
  all:
    - {field: stage, changed: true}
    - {field: after.stage.code, equals: won}
then: [{webhook: sales}, {webhook: billing}]
---
kind: Workflow
id: new-organization
description: Organizations come in through the gateway.
entity: organization
on: [created]
then: [{webhook: organizations}]
"""


def manifests(plan: Plan) -> str:
    """All definitions of a local system, as one YAML text."""
    webhooks = "".join(
        _WEBHOOK.format(
            id=endpoint,
            url=plan.hook(endpoint),
            entities=ENTITIES_OF[endpoint],
            secret=secret,
            schedule=", ".join(RETRY_SCHEDULE),
        )
        for endpoint, secret in plan.secrets.items()
    )
    return webhooks + WORKFLOWS
