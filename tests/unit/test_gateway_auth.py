"""Bearer tokens of the gateway."""

from __future__ import annotations

import pytest

from producers.gateway.auth import Tokens
from producers.gateway.refusal import UNAUTHORIZED


@pytest.mark.parametrize("header", [None, "Bearer x", "Basic eDp5"])
def test_without_tokens_everybody_may_publish(header):
    assert Tokens([]).refusal(header) is None


@pytest.mark.parametrize("header", ["Bearer old", "bearer new", "Bearer  new "])
def test_any_of_the_tokens_lets_in(header):
    assert Tokens(["old", "new"]).refusal(header) is None


@pytest.mark.parametrize(
    "header", ["Bearer other", "Bearer", "Basic old", "old", "Bearer old new", "Bearer \udcff"]
)
def test_other_tokens_do_not(header):
    refusal = Tokens(["old", "new"]).refusal(header)

    assert refusal.kind is UNAUTHORIZED
    assert dict(refusal.headers)["WWW-Authenticate"].endswith('error="invalid_token"')
    assert "old" not in refusal.detail


def test_a_missing_token_is_asked_for():
    refusal = Tokens(["old"]).refusal(None)

    assert dict(refusal.headers)["WWW-Authenticate"] == 'Bearer realm="hookline"'
