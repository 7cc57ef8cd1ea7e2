"""Small files of the formats that are imported."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.doors import call
from tests.exchange_doors import NTU, missing_skeleton
from tests.exchange_makers import annotation, kinect_body, kinect_text, write_pickle


@pytest.fixture
def flat(tmp_path) -> Path:
    """Two clips of NTU as pyskl has them, one with two persons of whom the second comes later."""
    two = annotation(NTU.format(2, 2), 1, persons=2, steps=5)
    two["keypoint"][1, :2] = 0
    two["keypoint_score"][1, :2] = 0
    content = {
        "split": {"xsub_train": [NTU.format(1, 1), NTU.format(2, 2)], "xsub_val": [NTU.format(1, 3)],
                  "xview_train": [NTU.format(2, 2)], "xview_val": [NTU.format(1, 1), NTU.format(1, 3)]},
        "annotations": [two, annotation(NTU.format(1, 1), 0), annotation(NTU.format(1, 3), 2, steps=70)],
    }  # fmt: skip
    return write_pickle(tmp_path / "ntu.pkl", content)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Files of the authors' layout, made small: one person copied, two persons, nobody, and a broken one."""
    rng = np.random.default_rng(0)
    one = np.repeat(rng.uniform(0, 9, (4, 1, 17, 6)), 2, axis=1)
    two = rng.uniform(0, 9, (4, 2, 17, 6))
    two[1] = 0  # nobody at one of the times
    root = tmp_path / "npy"
    (root / "wave").mkdir(parents=True)
    for name, values in {"one": one, "wave/two": two, "wave/nobody": 0 * two}.items():
        np.save(root / f"{name}.npy", values.astype(np.float16).astype(np.float32))
    return root


@pytest.fixture
def recordings(tmp_path) -> Path:
    root = tmp_path / "skeletons"
    root.mkdir()
    walk = [{"1": kinect_body((n / 10, 0, 3))} for n in range(20)]
    walk[7] = {}  # the Kinect lost the person
    pair = [frame | {"2": kinect_body((2, 0, 3), states=1)} for frame in walk]
    for name, text in {
        NTU.format(1, 1): kinect_text(walk),
        NTU.format(2, 2): kinect_text(pair),
        NTU.format(1, 4): kinect_text([{}, {}]),
        NTU.format(1, 5): "",
        NTU.format(1, 6): kinect_text(walk)[:-300],
        # of the official list of missing skeletons
        missing_skeleton(): kinect_text(walk),
    }.items():
        (root / f"{name}.skeleton").write_text(text, newline="")
    return root


@pytest.fixture
def in_this_process(monkeypatch):
    """Trainings run here, because to start others takes a minute; return the names of their folders."""
    from scripts import side_by_side  # takes seconds, and most tests do without

    begun = []

    def start(work, *arguments):
        begun.append(arguments[2].name)
        try:
            call(lambda _: work(*arguments))
        except SystemExit as end:
            return SimpleNamespace(exitcode=end.code, is_alive=lambda: False)
        return SimpleNamespace(exitcode=0, is_alive=lambda: False)

    monkeypatch.setattr(side_by_side, "start_beside", start)
    monkeypatch.setattr(side_by_side, "_LOOK_EVERY_SECONDS", 0)
    return begun
