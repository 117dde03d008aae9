"""Ruling texts out by how an expression begins changes nothing about what is found."""

from __future__ import annotations

import re2
from hypothesis import example, given
from hypothesis import strategies as st

from workflow_service.language.expressions import search_of
from workflow_service.language.kinds import Mistyped

PIECES = st.sampled_from(
    [
        *("a", "b", "-", "9", "é", ".", "(a|b)", "(?:9|-a)", "[ab]", "[^b]", "[|(]", r"\|", r"\("),
        *("|", "a*", "b+", "9?", "[0-9]{2,}", ".*", "$", "^", "(?i)", "(?m)", r"\b", r"\Qa|b\E"),
        "\n",
    ]
)
PATTERNS = st.lists(PIECES, max_size=6).map("".join)
TEXTS = st.text(alphabet="ab-9é|(\n\x7f", max_size=8)


@given(PATTERNS.map("^{}".format) | PATTERNS, TEXTS)
@example("^b", "bc")
@example("^b", "a\nbc")
@example("^a|b", "xb")
@example("(?m)^b", "a\nb")
@example("^(SLA|RMA)-[0-9]{4,}", "RMA-00017 lost")
def test_an_expression_finds_what_its_engine_finds(pattern: str, text: str) -> None:
    try:
        search = search_of(pattern, ignore_case=False)
    except Mistyped:
        return

    assert search(text) is (re2.search(pattern, text) is not None)
