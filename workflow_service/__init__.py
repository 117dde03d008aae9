"""Step 2: event, match, action."""

from __future__ import annotations

from workflow_service.check import check
from workflow_service.explain import Explanation, explain
from workflow_service.match import Matcher
from workflow_service.parse import parse_workflow
from workflow_service.workflow import Workflow

__all__ = ["Explanation", "Matcher", "Workflow", "check", "explain", "parse_workflow"]
