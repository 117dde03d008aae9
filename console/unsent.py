"""Templates that would never be sent, because their webhook's requests have no body.

No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.errors import Problem
from webhook_service.webhook import Webhook
from workflow_service.language.workflow import Workflow


def unsent(workflow: Workflow, webhooks: Mapping[str, Webhook | None]) -> Iterator[Problem]:
    """The templates of a workflow's actions for webhooks that are called with GET."""
    for index, step in enumerate(workflow.then):
        webhook = webhooks.get(step.webhook)
        if step.template is not None and webhook is not None and webhook.method == "GET":
            yield Problem(
                f"then[{index}].template",
                f'is not sent: the webhook "{step.webhook}" uses the method GET, which has no body; '
                "leave the template out, or let the webhook use POST",
            )
