"""The gateway: events over HTTP, for services in any language (`python -m producers.gateway`)."""
