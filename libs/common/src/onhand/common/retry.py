"""What to try again."""

from onhand.common.database_errors import is_database_away
from onhand.common.errors import Unavailable


def is_transient(error: Exception) -> bool:
    """Whether Redis or the database is away or busy, so that trying again later is all that is needed."""
    return isinstance(error, Unavailable) or is_database_away(error)
