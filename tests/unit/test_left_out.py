"""What the suite leaves out after ``make setup WITH=train``."""

from pathlib import Path

from tests.left_out import OF_EXTRACTION, ROOT, left_out, packages_of

HERE = Path(__file__).parent


def test_packages_are_found_through_our_own_files():
    # tests.small_models -> train.models -> torch, numpy
    assert {"torch", "numpy"} <= packages_of(HERE / "test_models.py")
    # extract.detect_yolo, which the test imports
    assert "ultralytics" in packages_of(ROOT / "tests/integration/test_detectors.py")


def test_an_import_inside_a_function_is_not_at_once():
    assert "torch" not in packages_of(ROOT / "tests/conftest.py")


def test_training_is_tested_without_what_extraction_needs():
    without = {path.name for path in left_out(set(OF_EXTRACTION))}

    assert {"test_detectors.py", "test_tracking.py", "test_extract_door.py"} <= without
    assert not without & {"test_training.py", "test_models.py", "test_score_doors.py", "test_store_doors.py"}
    assert left_out(set()) == {}
