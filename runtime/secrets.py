"""Secrets at rest: sealed with Fernet keys that only the processes hold."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from schemas.errors import ConfigurationError

#: What a sealed text begins with, so that it is never taken for a plain one.
PREFIX = "sealed:v1:"
_MAKE_ONE = "make one with `python -c 'from runtime.secrets import new_key; print(new_key())'`"


def new_key() -> str:
    """A fresh key for `HOOKLINE_SECRET_KEYS`."""
    return Fernet.generate_key().decode()


def is_sealed(text: str) -> bool:
    """True for what `SecretBox.seal` returned."""
    return text.startswith(PREFIX)


class SecretBox:
    """Seals texts with the newest key and opens them with any."""

    def __init__(self, keys: Sequence[SecretStr | str]) -> None:
        """Take the keys, newest first; without any, sealing and opening are refused.

        Raises:
            ConfigurationError: One of them is not a key; it is not shown.
        """
        self._keys = [_fernet(number, key) for number, key in enumerate(keys, start=1)]
        self._box = MultiFernet(self._keys) if self._keys else None

    def __repr__(self) -> str:
        """Nothing of the keys."""
        return f"SecretBox({'with keys' if self._box else 'without keys'})"

    def seal(self, text: str) -> str:
        """The text, unreadable without a key.

        Raises:
            ConfigurationError: There is no key.
        """
        return PREFIX + self._opened().encrypt(text.encode()).decode()

    def open(self, text: str) -> str:
        """What was sealed.

        Raises:
            ConfigurationError: There is no key, it is not among those set, or the text is not
                a sealed one.
        """
        if not is_sealed(text):
            raise ConfigurationError("a secret is stored in the clear; apply its definition again")
        try:
            return self._opened().decrypt(text.removeprefix(PREFIX)).decode()
        except InvalidToken:
            raise ConfigurationError(
                "a secret was sealed with a key that is not in HOOKLINE_SECRET_KEYS (or was "
                "changed since): add that key after the newest one, or apply its definition again"
            ) from None

    def key_number(self, text: str) -> int:
        """Which key opens a sealed text, counted from 1, the newest; 0 if none does.

        Raises:
            ConfigurationError: There is no key.
        """
        self._opened()
        for number, key in enumerate(self._keys, start=1):
            try:
                key.decrypt(text.removeprefix(PREFIX))
            except InvalidToken:
                continue
            return number
        return 0

    def _opened(self) -> MultiFernet:
        if self._box is None:
            raise ConfigurationError(
                f"secrets need a key and HOOKLINE_SECRET_KEYS is not set: {_MAKE_ONE} "
                "and give it to every process"
            )
        return self._box


def _fernet(number: int, key: SecretStr | str) -> Fernet:
    plain = key.get_secret_value() if isinstance(key, SecretStr) else key
    try:
        return Fernet(plain)
    except ValueError:
        raise ConfigurationError(
            f"HOOKLINE_SECRET_KEYS: key {number} is not 32 bytes in URL-safe base64; {_MAKE_ONE}"
        ) from None
