"""Errors that are expected to happen and are told to a person in one line.

Anything else that is raised is a bug and keeps its stack trace.
"""


class OnhandError(Exception):
    """An expected failure: the message says what, where and how to mend it.

    Attributes:
        exit_code: what a process ends with when this error ends it.
    """

    exit_code = 1


class SettingsError(OnhandError):
    """A setting is missing or makes no sense."""

    exit_code = 2


class StartupError(OnhandError):
    """Something a process needs to start is not there: a port, Redis, a database."""


class Unavailable(OnhandError):
    """Redis, or the service that should answer, is away or overloaded; nothing was sent, so trying again is safe."""


class NoReply(OnhandError):
    """A request was sent, or may have been, and no reply came in time: its outcome is unknown."""


def in_words(error: Exception) -> str:
    """An error with its kind, which is all there is to say of one without a text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
