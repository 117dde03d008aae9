"""The exit codes of every command, and which error ends in which."""

from __future__ import annotations

from enum import IntEnum

from schemas.errors import BrokerError, ConfigurationError, FencedError, HooklineError


class Exit(IntEnum):
    """What a shell script can rely on; the same codes as the services'."""

    OK = 0
    PROBLEM = 1
    CONFIGURATION = 2
    BROKER = 3
    FENCED = 4
    INTERRUPTED = 130


#: For `hookline --help`: every code in one line each.
MEANINGS: dict[Exit, str] = {
    Exit.OK: "done; everything asked for was found or written",
    Exit.PROBLEM: "the answer is no: not found, drift, incompatible, refused, not delivered",
    Exit.CONFIGURATION: "wrong usage, setting or definition; nothing was written",
    Exit.BROKER: "Kafka, or the service asked, cannot be reached",
    Exit.FENCED: "another operator took over while this command ran",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
}

#: The most particular class first.
_BY_ERROR: tuple[tuple[type[HooklineError], Exit], ...] = (
    (FencedError, Exit.FENCED),
    (BrokerError, Exit.BROKER),
    (ConfigurationError, Exit.CONFIGURATION),
)


def exit_of(error: HooklineError) -> Exit:
    """The exit code that an error ends in."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.PROBLEM)
