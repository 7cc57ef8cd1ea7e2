"""The networks that DETECTOR and POSE know by name: ``make presets``."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from extract.presets import DETECTORS, POSES, Weights


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line per preset; return 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.list_presets", description=__doc__)
    parser.add_argument(
        "--weights-folder", type=Path, default=Path("data/weights"), help="default: %(default)s"
    )
    folder = parser.parse_args(argv).weights_folder
    rows = [
        *(("POSE", name, _state(pose.weights, folder), pose.weights.licence) for name, pose in POSES.items()),
        *(
            (
                "DETECTOR",
                name,
                "cannot be used here" if one.refusal else _state(one.weights, folder),
                one.weights.licence,
            )
            for name, one in DETECTORS.items()
        ),
    ]
    for row in [("", "name", "weights", "their licence"), *rows]:
        print("{:9} {:18} {:20} {}".format(*row))
    return 0


def _state(weights: Weights, folder: Path) -> str:
    if weights.shipped is not None:
        return "in the repository"
    path = folder / weights.file
    if path.is_file():
        return f"here, {path.stat().st_size / 1e6:.1f} MB"
    return "will be downloaded" if weights.address else "to be put by hand"


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())
