"""What deliveries go out with, put together from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from runtime.settings import Settings
from webhook_service.address import networks
from webhook_service.send import Sender
from webhook_service.tokens import AuthorizedSender
from webhook_service.tunnel import proxy_of

#: A token endpoint's answer is read to its end, whatever is kept of endpoints' answers.
LONGEST_TOKEN_ANSWER: Final = 64 * 1024


@asynccontextmanager
async def sending(
    settings: Settings, seconds: Callable[[], float]
) -> AsyncIterator[AuthorizedSender]:
    """A client for strangers' endpoints, and for the token endpoints of those that want one.

    Args:
        seconds: A clock that only rises.
    """
    allowed = networks(settings.webhook_allow_networks)
    address = settings.webhook_proxy_url
    proxy = proxy_of(address.get_secret_value()) if address else None
    sender = Sender(allowed, settings.webhook_response_body_bytes, proxy)
    token_sender = Sender(allowed, LONGEST_TOKEN_ANSWER, proxy)
    async with AsyncExitStack() as stack:
        for each in (sender, token_sender):
            await each.start()
            stack.push_async_callback(each.close)
        authorized = AuthorizedSender(sender, token_sender, seconds)
        stack.push_async_callback(authorized.close)
        yield authorized
