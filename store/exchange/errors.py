"""What can go wrong with files of other formats."""

from store.errors import StoreError


class ExchangeError(StoreError, ValueError):
    """A file or folder cannot be imported as a whole, or a store not exported; says what to do next."""


class ClipImportError(Exception):
    """One clip cannot be imported; the others can. The message becomes its "reason" in the store."""
