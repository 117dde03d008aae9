"""runtime.secrets: what is sealed is unreadable, what is opened is what was sealed."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from runtime.secrets import SecretBox, is_sealed, new_key
from schemas.errors import ConfigurationError


def test_what_is_opened_is_what_was_sealed():
    box = SecretBox([new_key()])

    sealed = box.seal("whsec_ünsäglich")

    assert is_sealed(sealed)
    assert "whsec" not in sealed
    assert box.open(sealed) == "whsec_ünsäglich"


def test_a_new_key_in_front_still_opens_what_the_old_one_sealed():
    old, new = new_key(), new_key()
    sealed = SecretBox([SecretStr(old)]).seal("s3cret")

    assert SecretBox([SecretStr(new), SecretStr(old)]).open(sealed) == "s3cret"


def test_the_newest_key_seals():
    old, new = new_key(), new_key()

    sealed = SecretBox([new, old]).seal("s3cret")

    assert SecretBox([new]).open(sealed) == "s3cret"


def test_a_key_that_was_taken_away_is_named_as_the_reason():
    sealed = SecretBox([new_key()]).seal("s3cret")

    with pytest.raises(ConfigurationError, match="not in HOOKLINE_SECRET_KEYS"):
        SecretBox([new_key()]).open(sealed)


def test_without_a_key_the_message_says_how_to_make_one():
    with pytest.raises(ConfigurationError, match="HOOKLINE_SECRET_KEYS is not set: make one with"):
        SecretBox([]).seal("s3cret")


def test_a_bad_key_is_numbered_and_not_shown():
    with pytest.raises(ConfigurationError) as error:
        SecretBox([new_key(), "hunter2"])

    assert "key 2" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_plain_text_is_not_taken_for_a_sealed_one():
    with pytest.raises(ConfigurationError, match="in the clear"):
        SecretBox([new_key()]).open("whsec_plain")


def test_the_repr_holds_no_key():
    key = new_key()

    assert key not in repr(SecretBox([key]))
