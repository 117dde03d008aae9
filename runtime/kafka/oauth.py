"""Tokens, as the client asks for them."""

from __future__ import annotations

from kafka.net.sasl.oauth import AbstractTokenProvider

from runtime.bridge.oauth import ClientCredentials


class Tokens(AbstractTokenProvider):  # type: ignore[misc] # the client has no types
    """A source of tokens that asks only when needed."""

    def __init__(self, credentials: ClientCredentials) -> None:
        """Nothing is fetched yet."""
        super().__init__()
        self._credentials = credentials

    def token(self) -> str:
        """A token that is still good; called on the client's own thread."""
        token, _ = self._credentials.token()
        return token
