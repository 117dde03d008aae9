"""`webhook_service.window`: how many requests an endpoint gets at once, by how it takes them."""

from __future__ import annotations

from webhook_service.window import Strain, Window


def answered(window: Window, strain: Strain, times: int, began: float = 0, most: int = 16) -> int:
    for _ in range(times):
        window.answered(most, strain, began, began + 10)
    return window.size(most)


def test_a_window_is_as_wide_as_configured_until_the_endpoint_says_otherwise():
    assert Window().size(16) == 16
    assert answered(Window(), Strain.NONE, 100) == 16


def test_busy_answers_halve_it_once_for_what_began_together():
    window = Window()

    assert answered(window, Strain.BUSY, 16, began=0) == 8
    assert answered(window, Strain.BUSY, 8, began=20) == 4
    assert answered(window, Strain.BUSY, 100, began=5) == 4


def test_a_timeout_leaves_one():
    assert answered(Window(), Strain.TIMEOUT, 1) == 1


def test_it_is_never_less_than_one():
    window = Window()

    for round_ in range(50):
        assert answered(window, Strain.BUSY, 1, began=round_ * 100) >= 1


def test_it_recovers_one_by_one_to_what_is_configured():
    window = Window()
    answered(window, Strain.TIMEOUT, 1)
    widths = [answered(window, Strain.NONE, 1, began=100) for _ in range(200)]

    assert widths == sorted(widths)
    assert set(widths) == set(range(2, 17))
    assert not window.is_narrow(16)


def test_a_lower_configured_concurrency_counts_at_once():
    assert Window().size(3) == 3
