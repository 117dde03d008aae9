"""The error tree: every exception this system raises on purpose, and whose fault it says it is.

HooklineError
├── SchemaError            the record is wrong        -> dead letter, never retried
│   └── UnknownSchemaError   its schema is not known    -> catch the table up, then as above
├── ConfigurationError     the operator is wrong      -> refuse to start, refuse to save
│   └── DefinitionError      a manifest has problems    -> all of them named with their places
├── BrokerError            Kafka is not there         -> back off, keep the offset
│   ├── BrokerFullError      our own bound is reached   -> the caller waits or refuses
│   └── FencedError          another member took over   -> exit; the successor goes on
└── IllegalStepError       we are wrong               -> crash, page someone
"""

from __future__ import annotations

from dataclasses import dataclass


class HooklineError(Exception):
    """Root of every error that Hookline raises on purpose."""


class SchemaError(HooklineError):
    """A record that cannot be read, or written, as what its topic carries."""


class UnknownSchemaError(SchemaError):
    """A record whose writer schema is not known (yet).

    Attributes:
        reference: What the record names: a `schemas.codec.Fingerprint` or `schemas.codec.SchemaId`.
    """

    def __init__(self, reference: object) -> None:
        """Name the reference in the message."""
        super().__init__(f"the record names {reference}, which no schema known here has")
        self.reference = reference


class ConfigurationError(HooklineError):
    """A setting or definition that must be mended by the operator before anything can run."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition.

    Attributes:
        place: File and line (`hooks.yaml:12`) or a JSON path (`then[0].webhook`), as known.
        message: What was found, what is allowed, what to do next.
    """

    place: str
    message: str

    def __str__(self) -> str:
        """One line: place, then message."""
        return f"{self.place}: {self.message}"


class DefinitionError(ConfigurationError):
    """Definitions that were refused as a whole.

    Attributes:
        problems: Every problem found, in the order of the source; never empty.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """List the problems, one a line."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class BrokerError(HooklineError):
    """Kafka cannot be reached, or refused for a reason that may pass."""


class BrokerFullError(BrokerError):
    """The bounded buffer is full because the broker does not take records fast enough."""


class FencedError(BrokerError):
    """Another process took over this one's transactional identity; exit at once."""


class IllegalStepError(HooklineError):
    """A state that our own code must never reach."""
