"""If-Match: which versions a caller accepts."""

import pytest

from producers.entity_service.precondition import Expected, etag_of, expected_in


@pytest.mark.parametrize(
    ("header", "accepted", "refused"),
    [
        pytest.param(None, [1, 99], [], id="no header accepts any version"),
        pytest.param("*", [1, 99], [], id="a star accepts any version"),
        pytest.param('"3"', [3], [2, 4], id="one tag"),
        pytest.param('"3", "5"', [3, 5], [4], id="a list of tags"),
        pytest.param('W/"3"', [], [3], id="a weak tag never matches"),
        pytest.param('"other-system"', [], [1, 3], id="a tag that is no version"),
        pytest.param('"99999999999999999999999"', [], [1], id="a number beyond every version"),
        pytest.param('"²"', [], [2], id="a digit that is not ASCII"),
    ],
)
def test_accepts_the_versions_that_are_named(header, accepted, refused):
    expected = expected_in(header)

    assert isinstance(expected, Expected)
    assert all(expected.accepts(version) for version in accepted)
    assert not any(expected.accepts(version) for version in refused)


@pytest.mark.parametrize("header", ["3", '"3', "", '"3" "4"', "w/3"])
def test_what_is_no_entity_tag_is_not_guessed(header):
    assert expected_in(header) is None


def test_a_version_accepts_its_own_tag():
    expected = expected_in(etag_of(7))

    assert expected is not None
    assert expected.accepts(7)
