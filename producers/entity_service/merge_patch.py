"""JSON Merge Patch, RFC 7396: the smallest way to say what changes.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(target: object, patch: object) -> Any:
    """The target with the patch applied; neither is changed.

    A name with null is removed, an object is merged, anything else (a list too) replaces.
    """
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
