"""Entity services: records over HTTP, each change with its event (`python -m producers.entity_service`)."""
