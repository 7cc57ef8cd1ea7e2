"""The agreement between extraction and training: what a store is, how it is written, read and checked."""

from store.errors import StoreError
from store.reader import StoreReader, open_store

__all__ = ["StoreError", "StoreReader", "open_store"]
