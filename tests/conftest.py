"""After ``make setup WITH=train`` the tests of extraction are left out: what they import is not there."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.left_out import absent, left_out

with suppress(ImportError):
    import av  # noqa: F401  # before decord, or its libvpx is taken for encoding VP9

LEFT_OUT = left_out(absent())
collect_ignore = [str(path) for path in LEFT_OUT]


def pytest_report_header() -> list[str]:
    """Say what is left out, and how to get it."""
    if not LEFT_OUT:
        return []
    packages = ", ".join(sorted(set.union(*LEFT_OUT.values())))
    return [
        f"left out: {len(LEFT_OUT)} files of tests that need {packages}; `make setup WITH=all` installs these"
    ]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For networks that are too small to share."""
    import torch  # takes seconds, and most tests do without

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
