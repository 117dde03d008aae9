"""The budget of bytes under way in the gateway."""

from __future__ import annotations

from producers.gateway.admission import LEAST_BYTES, Admission


def test_requests_share_the_budget_and_give_their_share_back():
    admission = Admission(10 * LEAST_BYTES)

    with admission.admit(8 * LEAST_BYTES) as first, admission.admit(3 * LEAST_BYTES) as second:
        assert (first, second) == (True, False)
        with admission.admit(10) as small:
            assert small
    with admission.admit(10 * LEAST_BYTES) as whole:
        assert whole


def test_small_requests_count_with_the_least():
    admission = Admission(2 * LEAST_BYTES)

    with admission.admit(1), admission.admit(1), admission.admit(1) as third:
        assert not third


def test_a_request_that_is_alone_has_room():
    with Admission(10).admit(1_000_000) as admitted:
        assert admitted
