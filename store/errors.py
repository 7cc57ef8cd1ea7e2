"""What can go wrong with a store; each message says what was found, what was expected and what to do next."""


class StoreError(Exception):
    """Base of everything that is wrong with a store or with how it is asked for."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """There is no store at this place."""


class StoreFormatError(StoreError, ValueError):
    """The store is of a format version, or an encoding, that this code does not read."""


class StoreMismatchError(StoreError, ValueError):
    """A run would write values of another meaning into a store."""


class StoreBusyError(StoreError):
    """Another run is writing this store."""


class StoreDiskError(StoreError, OSError):
    """The disk is full: a file of a store could not be written."""


class ClipNotFoundError(StoreError, KeyError):
    """The store has no such clip, or nothing was extracted from it."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would put the message in quotes
        return str(self.args[0])


class ClipDataError(StoreError, ValueError):
    """The arrays of a clip do not fit the store: names, shapes, types, or values that mean nothing."""


class StoreDamagedError(StoreError):
    """Files of the store are missing or unreadable."""
