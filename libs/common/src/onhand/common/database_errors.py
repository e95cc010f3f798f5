"""What the errors of a database mean: whose fault they are, and whether to try again."""

import asyncio

import asyncpg

_TRANSIENT = (
    OSError,  # the server is not there
    TimeoutError,
    asyncpg.InterfaceError,  # the connection broke while idle
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # we were frozen
    asyncpg.LockNotAvailableError,  # somebody held a lock for too long
    asyncpg.OperatorInterventionError,  # the server shuts down, or an administrator ended the session
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.PostgresSystemError,  # the server cannot read or write a file
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a primary that became one
)

ENDS_CONNECTION = (
    TimeoutError,  # nothing comes any more
    asyncio.CancelledError,  # who gives up waiting has done so at once
    asyncpg.PostgresConnectionError,
    asyncpg.ReadOnlySQLTransactionError,  # the next may lead to the server, or find the setting, that allows it
)
"""After these a connection leads nowhere, or to the wrong server."""


def is_database_away(error: Exception) -> bool:
    """Whether the same transaction may succeed later, so that the error says nothing against what is in it."""
    return isinstance(error, _TRANSIENT) and not isinstance(error, asyncpg.DataError)


def takes_too_long(error: Exception) -> bool:
    """Whether the server ended a statement because of the time it took.

    That it waited for a lock does not count, since then it is somebody else who takes too long. Nor does silence: a
    server that is there says that it has ended a statement.
    """
    return isinstance(error, asyncpg.QueryCanceledError)
