"""JSON text that is the same for the same value.

Pure.
"""

from __future__ import annotations

import json


def canonical(value: object) -> str:
    """The value as JSON: names sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
