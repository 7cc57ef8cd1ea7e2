"""After ``make setup WITH=train`` the tests of extraction are left out: what they import is not there."""

import importlib.util
from collections.abc import Iterator
from contextlib import suppress

import pytest

with suppress(ImportError):
    import av  # noqa: F401  # before decord, or its libvpx is taken for encoding VP9

EXTRACTION = [
    "golden/*",
    "integration/test_bad_inputs.py",
    "integration/test_checkpoints.py",
    "integration/test_cluster.py",
    "integration/test_decode*.py",
    "integration/test_detectors.py",
    "integration/test_download.py",
    "integration/test_intervals.py",
    "integration/test_kill_real.py",
    "integration/test_known_datasets.py",
    "integration/test_networks.py",
    "integration/test_pipeline*.py",
    "integration/test_presets*.py",
    "integration/test_run.py",
    "unit/test_crop.py",
    "unit/test_dispatch.py",
    "unit/test_persons.py",
    "unit/test_profiles.py",
    "unit/test_tracking*.py",
]
collect_ignore_glob = [] if importlib.util.find_spec("mmpose") else EXTRACTION


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For networks that are too small to share."""
    import torch  # takes seconds, and most tests do without

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
