"""Storage of a search: a database or a journal file of Optuna."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.search.journal import open_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from optuna.storages import BaseStorage

__all__ = [
    "explain_storage_errors",
    "lock_queue",
    "mask_password",
    "open_storage",
    "require_optuna",
]

JOURNALS = (".journal", ".log")
DATABASES = (".db", ".sqlite", ".sqlite3")

LOCK_SECONDS = 60
"""Time that a worker waits for another one to leave an SQLite file."""


def require_optuna() -> None:
    """Check that Optuna is installed, and silence its messages.

    Raises:
        UsageError: If it is not.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise UsageError(
            "`prunepack search` needs the package `optuna`",
            found=f"`{error.name}` is not installed",
            hint="Run `pip install 'prunepack[search]'`",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


def open_storage(place: str, *, creates: bool) -> BaseStorage:
    """Open a storage.

    Args:
        place: The URL of a database, or the path of an SQLite file or of a journal.
        creates: Whether a file that does not exist is made.

    Raises:
        UsageError: If the file is missing, of another kind, or cannot be written to.
        RefusedError: If a journal is damaged.
    """
    from optuna.storages import RDBStorage

    if "://" in place:
        url = place.replace("postgresql://", "postgresql+psycopg://", 1)
        return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    path = Path(place)
    if not creates and not path.exists():
        raise UsageError(
            f"the storage `{place}` does not exist",
            hint="Run the search first, or check the path",
        )
    if path.suffix not in JOURNALS + DATABASES:
        raise UsageError(
            f"`{place}` is not a storage",
            expected="postgresql://…, mysql://…, an SQLite file (.db) or a journal (.journal)",
            found=path.suffix or "a path without an ending",
        )
    with explain_write_errors(path.parent, "--storage"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    if path.suffix in DATABASES:
        wait = {"connect_args": {"timeout": LOCK_SECONDS}}
        return RDBStorage(f"sqlite:///{path}", engine_kwargs=wait)
    return open_journal(path)


def lock_queue(place: str) -> AbstractContextManager[Any]:
    """Return a lock for the moment in which a worker takes a trial.

    SQLite has no locks on rows, so two workers could take one trial. Other storages need no help.
    """
    if "://" in place or Path(place).suffix not in DATABASES:
        return nullcontext()
    from filelock import FileLock

    return FileLock(f"{place}.lock", thread_local=False)


@contextmanager
def explain_storage_errors(place: str) -> Iterator[None]:
    """Turn an error of a database in the block into one that says what to do.

    Raises:
        UsageError: If the storage cannot be reached, or refuses to work.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError, ImportError, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        found = str(getattr(cause, "orig", None) or cause or error).strip().splitlines()
        raise UsageError(
            f"the storage `{mask_password(place)}` cannot be used",
            expected="a database that answers, or a file that can be written to",
            found=found[0] if found else type(error).__name__,
            hint="Check the address and the rights, then run the same command again"
            if not isinstance(error, ImportError)
            else "Run `pip install 'prunepack[distributed]'`",
        ) from error


def mask_password(place: str) -> str:
    """Return the place of a storage without the password in it."""
    head, at, tail = place.rpartition("@")
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}" if at and login else place
