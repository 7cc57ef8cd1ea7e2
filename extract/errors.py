"""What can go wrong with a dataset or a video; each message says what was found and what was expected."""

from typing import Literal

VideoStatus = Literal["decode_error", "timeout", "error"]  # the failures among store.table.Status


class DatasetError(ValueError):
    """``DATASET`` cannot be read as a list of clips; the message names the file, the line and what to do."""


class VideoError(Exception):
    """One clip cannot be extracted; the others can.

    Args:
        message: what was found and what was expected; becomes the clip's "reason" in the store.
        status: the clip's status in the store.
    """

    def __init__(self, message: str, status: VideoStatus) -> None:
        super().__init__(message, status)  # both, so that a pickled error comes back whole
        self.status: VideoStatus = status

    def __str__(self) -> str:
        return str(self.args[0])


class WeightsError(ValueError):
    """A file of weights is missing or is not what it should be; the message names it and what to do."""


class WorkersError(Exception):
    """The workers of a cluster cannot work; the message says what to look at."""
