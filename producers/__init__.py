"""Step 1: services publish what happened."""

from producers.blocking import SyncEventPublisher
from producers.publisher import About, EventPublisher, Published

__all__ = ["About", "EventPublisher", "Published", "SyncEventPublisher"]
