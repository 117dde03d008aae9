"""Tokens for SASL/OAUTHBEARER by the OAuth 2.0 client credentials flow (RFC 6749, 4.4)."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from runtime.settings import Settings
from schemas.errors import BrokerError, ConfigurationError

#: Seconds to wait for the token endpoint.
TIMEOUT_S = 10.0
#: A token is renewed when this share of its life has passed.
RENEW_AT = 0.8
#: Used when the answer does not say how long the token lives.
DEFAULT_LIFE_S = 300.0


class ClientCredentials:
    """Fetches a token when a client needs one and keeps it for most of its life."""

    def __init__(self, url: str, client_id: str, client_secret: str, scope: str | None) -> None:
        """Nothing is fetched yet; http(s) only, so that a setting cannot read a file."""
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ConfigurationError(f"HOOKLINE_KAFKA_OAUTH_TOKEN_URL={url!r} is not http(s)")
        self._url = url
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def token(self) -> tuple[str, float]:
        """A token that is still good, and for how many seconds it need not be asked for again.

        Called on a client's own thread.

        Raises:
            BrokerError: The token endpoint did not give one.
        """
        with self._lock:
            if time.monotonic() >= self._renew_at:
                asked_at = time.monotonic()
                answer = self._fetch()
                self._token = str(answer["access_token"])
                life = float(answer.get("expires_in", DEFAULT_LIFE_S))
                self._renew_at = asked_at + life * RENEW_AT
            return self._token, self._renew_at - time.monotonic()

    def _fetch(self) -> dict[str, Any]:
        """One request to the token endpoint."""
        form = {"grant_type": "client_credentials"} | (
            {"scope": self._scope} if self._scope else {}
        )
        quoted = (
            urllib.parse.quote(part, safe="") for part in (self._client_id, self._client_secret)
        )
        basic = base64.b64encode(":".join(quoted).encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self._url,
            data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": f"Basic {basic}", "Accept": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                parsed = json.loads(answer.read())
        except (OSError, ValueError) as error:
            raise BrokerError(f"no token from {self._url}: {error}") from error
        if not isinstance(parsed, dict) or "access_token" not in parsed:
            raise BrokerError(f"no token from {self._url}: the answer has no access_token")
        return parsed


def credentials(settings: Settings) -> ClientCredentials:
    """Where tokens come from.

    Raises:
        ConfigurationError: Something that the flow needs is not set.
    """
    url, client = settings.kafka_oauth_token_url, settings.kafka_oauth_client_id
    secret = settings.kafka_oauth_client_secret
    if url is None or client is None or secret is None:
        raise ConfigurationError(
            "HOOKLINE_KAFKA_SASL_MECHANISM=OAUTHBEARER also needs HOOKLINE_KAFKA_OAUTH_TOKEN_URL,"
            " HOOKLINE_KAFKA_OAUTH_CLIENT_ID and HOOKLINE_KAFKA_OAUTH_CLIENT_SECRET"
        )
    return ClientCredentials(url, client, secret.get_secret_value(), settings.kafka_oauth_scope)
