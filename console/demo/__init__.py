"""The guided run: the whole system at work, with a failure and its repair, each step observed."""

from __future__ import annotations
