"""From settings to the parts of an extraction, and to what the store will say of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from extract.boxes_file import BoxesFile, BoxSource, WholeFrame
from extract.config import BatchNorm, DetectorConfig, ExtractConfig, Precision
from extract.execution import keep_float32
from extract.interfaces import PersonDetector
from extract.persons import MAX_PERSONS
from extract.pipeline import Extractor
from extract.pose_mmpose import MmposeEstimator
from store.facts import DatasetFacts, StoreFacts
from store.schema import Layout


def build_detector(
    name: str, *, device: str, batch_size: int, config: DetectorConfig
) -> tuple[PersonDetector | None, BoxSource | None]:
    """Make what finds persons: ``none`` (the whole frame), a ``.json`` file of boxes, or ultralytics weights.

    Returns:
        A network or a source of boxes; the other one is None.
    """
    if name == "none":
        return None, WholeFrame()
    path = Path(name)
    if path.suffix == ".json":
        return None, BoxesFile(path)
    # here, because ultralytics is AGPL-3.0: whoever brings boxes need not even have it installed
    from extract.detect_yolo import YoloDetector

    return YoloDetector(path, device=device, batch_size=batch_size, config=config), None


def build_extractor(
    device: str,
    *,
    detector: str,
    detector_config: DetectorConfig,
    pose: Path | Mapping[str, object],
    pose_checkpoint: Path | None,
    taps: Sequence[str],
    config: ExtractConfig,
    detect_batch: int,
    pose_batch: int,
    batch_norm: BatchNorm,
    precision: Precision,
    two_person_classes: tuple[str, ...] = (),
    needs_label: bool = True,
) -> Extractor:
    """Load the networks; ``extract.networks`` finds their files."""
    keep_float32()
    network, boxes = build_detector(detector, device=device, batch_size=detect_batch, config=detector_config)
    estimator = MmposeEstimator(
        pose,
        pose_checkpoint,
        taps=taps,
        device=device,
        batch_size=pose_batch,
        batch_norm=batch_norm,
        precision=precision,
        pooling=config.pooling,
    )
    return Extractor(
        detector=network,
        boxes=boxes,
        pose=estimator,
        config=config,
        two_person_classes=two_person_classes,
        needs_label=needs_label,
    )


def store_facts(dataset: DatasetFacts, extractor: Extractor) -> StoreFacts:
    """Say what a store made by this extractor holds, and everything that its numbers depend on."""
    config = extractor.config
    finder = extractor.detector or extractor.boxes
    assert finder is not None
    meaning: dict[str, object] = {"dataset": dataset.name}
    parts: Mapping[str, Mapping[str, object]] = {
        "extract": config.meaning(),
        "detector": finder.meaning,
        "pose": extractor.pose.meaning,
    }
    for part, settings in parts.items():
        meaning |= {f"{part}.{name}": value for name, value in settings.items()}
    meaning["pose.taps"] = list(extractor.pose.taps)
    if config.persons == "by_label":
        meaning["extract.two_person_classes"] = list(extractor.two_person_classes)
    layout = Layout(
        clock=config.clock,
        max_persons=MAX_PERSONS[config.persons],
        num_joints=len(extractor.pose.skeleton.joint_names),
        taps=extractor.pose.taps,
        crops=config.crops,
    )
    return StoreFacts(dataset, extractor.pose.skeleton, layout, meaning)
