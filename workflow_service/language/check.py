"""Does a workflow make sense: its fields, operators and values for its entity, its webhooks.

Pure.  Asked when a workflow is saved, so that a misconfiguration is refused there and then.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.templates import check_body
from schemas.wording import listed, unknown
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.findings import always, contradictions
from workflow_service.language.workflow import Workflow

#: Webhook id → the entities it accepts; None accepts any.
Webhooks = Mapping[str, tuple[str, ...] | None]


def check(workflow: Workflow, catalog: Catalog, webhooks: Webhooks) -> tuple[Problem, ...]:
    """Everything that is wrong with a well-formed workflow; empty if it may be saved."""
    compiled = compile_workflow(workflow, 1, catalog)
    problems = contradictions(compiled) if isinstance(compiled, CompiledWorkflow) else compiled
    found = problems + check_templates(workflow, catalog) + check_webhooks(workflow, webhooks)
    return tuple(dict.fromkeys(found))


def check_templates(workflow: Workflow, catalog: Catalog) -> tuple[Problem, ...]:
    """What is wrong with the templates of its actions, for its entity and operations."""
    return tuple(
        problem
        for index, step in enumerate(workflow.then)
        if step.template is not None
        for problem in check_body(
            step.template, catalog, (workflow.entity,), workflow.on, f"then[{index}].template"
        )
    )


def check_warnings(workflow: Workflow, catalog: Catalog) -> tuple[Problem, ...]:
    """What is odd about a workflow that may be saved: what always holds, or stands there twice."""
    compiled = compile_workflow(workflow, 1, catalog)
    return always(compiled) if isinstance(compiled, CompiledWorkflow) else ()


def check_webhooks(workflow: Workflow, webhooks: Webhooks) -> tuple[Problem, ...]:
    """The part of `check` that depends on which webhooks there are."""
    problems: list[Problem] = []
    for index, step in enumerate(workflow.then):
        place = f"then[{index}].webhook"
        if step.webhook not in webhooks:
            problems.append(Problem(place, unknown("the webhook", step.webhook, webhooks)))
            continue
        entities = webhooks[step.webhook]
        if entities is not None and workflow.entity not in entities:
            problems.append(
                Problem(
                    place,
                    f'the webhook "{step.webhook}" is for {listed(entities)}, and this workflow is '
                    f"for {workflow.entity}; add {workflow.entity} to its entities or name another",
                )
            )
    return tuple(problems)
