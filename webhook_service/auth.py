"""How a webhook shows who it is: basic, bearer, OAuth2 client credentials, and certificates.

Pure.
"""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: How the client says who it is to the token endpoint: in a header, or in the form.
ClientAuth = Literal["basic", "body"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Basic(_Record):
    """A user name and a password, in every request."""

    username: str
    password: str = Field(repr=False)


class Bearer(_Record):
    """A token that does not change, in every request."""

    token: str = Field(repr=False)


class OAuth2(_Record):
    """A token that is fetched with client credentials (RFC 6749, 4.4), and again when it is old.

    Attributes:
        audience: Sent along, as some servers want it.
    """

    token_url: str
    client_id: str
    client_secret: str = Field(repr=False)
    scope: str = ""
    audience: str = ""
    client_auth: ClientAuth = "basic"


class Auth(_Record):
    """Exactly one of these."""

    basic: Basic | None = None
    bearer: Bearer | None = None
    oauth2: OAuth2 | None = None


class Tls(_Record):
    """What a TLS connection is made with, as PEM.

    Attributes:
        ca: The only certificates that are trusted; empty for the system's.
        certificate: What the webhook shows, with the chain behind it; empty for none.
        key: Of the certificate.
    """

    ca: str = ""
    certificate: str = ""
    key: str = Field(default="", repr=False)


def authorization_of(auth: Auth | None) -> str | None:
    """The header `authorization` that every request has; None if there is none, or it changes."""
    if auth is None or auth.oauth2 is not None:
        return None
    if auth.bearer is not None:
        return f"Bearer {auth.bearer.token}"
    return basic_of(auth.basic.username, auth.basic.password) if auth.basic else None


def basic_of(username: str, password: str) -> str:
    """The value of `authorization` for a user name and a password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
