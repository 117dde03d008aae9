"""Step 2: event, match, action."""

from __future__ import annotations

from workflow_service.language.check import check
from workflow_service.language.explain import Explanation, explain
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow
from workflow_service.matching.match import Matcher

__all__ = ["Explanation", "Matcher", "Workflow", "check", "explain", "parse_workflow"]
