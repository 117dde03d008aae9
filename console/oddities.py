"""What is odd about manifests that may be saved: conditions that are always true, or twice there.

Pure.
"""

from __future__ import annotations

from runtime.manifests import Manifests
from schemas.catalog import Catalog
from schemas.errors import Problem
from workflow_service.language.check import check_warnings
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow


def oddities(manifests: Manifests, catalog: Catalog) -> tuple[Problem, ...]:
    """Everything odd, with its file and line."""
    return tuple(
        manifest.at(problem)
        for manifest in manifests.definitions
        if manifest.kind == "workflow"
        and isinstance(workflow := parse_workflow(manifest.content), Workflow)
        for problem in check_warnings(workflow, catalog)
    )
