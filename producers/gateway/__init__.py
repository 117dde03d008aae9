"""The gateway: events over HTTP, for services in any language."""

from producers.gateway.app import app_of
from producers.gateway.service import run_gateway

__all__ = ["app_of", "run_gateway"]
