"""Crops to keypoints and pooled features; the only file that imports mmpose and mmengine."""

import copy
import hashlib
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # mmpose warns on import of what it would need to train
    from mmengine.config import Config
    from mmpose.apis import init_model

from extract.config import BatchNorm, Pooling, Precision
from extract.decode_pose import decode_heatmaps, decode_simcc
from extract.import_simcc_hrnet import import_simcc_hrnet, is_authors_checkpoint
from extract.interfaces import Affine, PoseBatch
from extract.per_image_norm import use_per_image_norm
from extract.pool import pool_at_joints
from extract.taps import SIMCC, Tap, TapReader, parse_tap
from extract.weights_check import check_weights_file
from store.skeleton import Skeleton, make_skeleton

logger = logging.getLogger(__name__)

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class MmposeEstimator:
    """Any mmpose top-down network with a heatmap or SimCC head.

    Args:
        config: a mmpose config file (Python: it is run), or what one would say, as a dictionary.
        checkpoint: its weights, mmpose's or those of SimCC's authors; None for random ones (tests and
            benchmarks).
        taps: what to pool: ``module.path``, ``module.path[i]``, or ``simcc``.
        device: "cpu", "cuda:0", …
        batch_size: crops per call.
        batch_norm: "eval" (running statistics), or "per_image" (the release's, see ``PerImageNorm``).
        precision: of the forward pass; decoding and pooling are float32 always.
        pooling: a point or a region at each joint, see ``pool_at_joints``.

    Raises:
        FileNotFoundError: config or checkpoint is missing.
        ValueError: the checkpoint does not fit the config, a tap does not exist, or the head cannot be
            decoded.
    """

    def __init__(
        self,
        config: Path | Mapping[str, object],
        checkpoint: Path | None,
        *,
        taps: Sequence[str],
        device: str,
        batch_size: int,
        batch_norm: BatchNorm = "eval",
        precision: Precision = "fp32",
        pooling: Pooling = "point",
    ) -> None:
        settings = _read_config(config)
        model, metadata = _build(settings, checkpoint)
        if batch_norm == "per_image":
            use_per_image_norm(model)
        self.network = model.to(device)
        self._device = torch.device(device)
        self._precision = precision
        self._pooling = pooling
        self.batch_size = batch_size
        width, height = self.network.head.decoder.input_size
        self.crop_wh = (int(width), int(height))
        self.affine: Affine = "udp" if _uses_udp(settings) else "standard"
        self.skeleton = metadata
        self._is_bgr = not settings.model.data_preprocessor.get("bgr_to_rgb", False)
        self._mean = _per_channel(settings.model.data_preprocessor.mean, device)
        self._std = _per_channel(settings.model.data_preprocessor.std, device)
        if len(set(taps)) != len(taps):
            raise ValueError(f"taps {', '.join(taps)}: each tap can be named once")
        self._taps: list[Tap] = [parse_tap(name) for name in taps]
        self._reader = TapReader(model, [tap for tap in self._taps if tap.name != SIMCC])
        self.taps: Mapping[str, int] = self._try_out()
        self.meaning: Mapping[str, object] = {
            "config_sha256": hashlib.sha256(_canonical(settings.model)).hexdigest(),
            "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()
            if checkpoint
            else "random",
            "crop_wh": list(self.crop_wh),
            "affine": self.affine,
            "keypoints": f"peak, as {type(self.network.head.decoder).__name__} has it",
            "batch_norm": batch_norm,
            "precision": precision,
        }

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> PoseBatch:
        """Estimate poses. ``crops``: (batch_size, H, W, 3) uint8 RGB."""
        if len(crops) != self.batch_size:
            raise ValueError(
                f"{len(crops)} crops; every call takes {self.batch_size}, so that results repeat"
            )
        keypoints, scores, maps = self._forward(crops)
        pooled = {
            # vectors per joint are stored as they are; maps are pooled at the joints
            name: values
            if values.ndim == 3
            else pool_at_joints(values, keypoints, crop_wh=self.crop_wh, pooling=self._pooling)
            for name, values in maps.items()
        }
        return PoseBatch(
            _to_numpy(keypoints), _to_numpy(scores), {name: _to_numpy(v) for name, v in pooled.items()}
        )

    @torch.inference_mode()
    def feature_maps(self, crops: Tensor) -> dict[str, Tensor]:
        """Return what the taps give before pooling, as float32, for any number of crops."""
        return self._forward(crops)[2]

    def _forward(self, crops: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        images = crops.to(self._device).permute(0, 3, 1, 2).float()
        if self._is_bgr:
            images = images.flip(1)
        images = (images - self._mean) / self._std
        with torch.autocast(
            self._device.type, dtype=_AUTOCAST.get(self._precision), enabled=self._precision in _AUTOCAST
        ):
            output: tuple[Tensor, ...] | Tensor = self.network.head(self.network.extract_feat(images))
        keypoints, scores = self._decode(output)
        maps = {tap.name: self._read(tap, output) for tap in self._taps}
        return keypoints, scores, maps

    def _read(self, tap: Tap, output: object) -> Tensor:
        if tap.name != SIMCC:
            return self._reader.take(tap).float()
        if not isinstance(output, tuple):
            raise ValueError("tap 'simcc': this pose network's head gives heatmaps, not SimCC vectors")
        return torch.cat([vector.float() for vector in output], dim=-1)

    def _decode(self, output: tuple[Tensor, ...] | Tensor) -> tuple[Tensor, Tensor]:
        decoder = self.network.head.decoder
        kind = type(decoder).__name__
        if isinstance(output, tuple) and kind == "SimCCLabel":
            x, y = (vector.float() for vector in output)
            keypoints, scores = decode_simcc(x, y, split_ratio=decoder.simcc_split_ratio)
            exact = not decoder.use_dark
        elif isinstance(output, Tensor) and kind in ("MSRAHeatmap", "UDPHeatmap"):
            output = output.float()
            keypoints, scores = decode_heatmaps(output, crop_wh=self.crop_wh)
            exact = kind == "MSRAHeatmap" and not decoder.unbiased
        else:
            raise ValueError(
                f"a head with the decoder {kind} cannot be read; heatmap (MSRAHeatmap, UDPHeatmap) and SimCC "
                "(SimCCLabel) heads can"
            )
        if not exact:
            # distribution-aware refinement is left to mmpose, crop by crop; the scores are ours all the same
            found = self.network.head.decode(output)
            points = np.stack([np.asarray(pose.keypoints, np.float32)[0] for pose in found])
            keypoints = torch.from_numpy(points).to(self._device)
        return keypoints, scores

    def _try_out(self) -> dict[str, int]:
        """Run once on black crops to learn the taps' channels."""
        width, height = self.crop_wh
        maps = self.feature_maps(torch.zeros(1, height, width, 3, dtype=torch.uint8))
        num_joints = len(self.skeleton.joint_names)
        channels = {}
        for name, values in maps.items():
            per_joint = values.ndim == 3 and values.shape[1] == num_joints
            if not per_joint and values.ndim != 4:
                raise ValueError(
                    f"tap {name!r} gives a tensor of shape {tuple(values.shape)}; expected a map "
                    f"(N, C, h, w) or one vector per joint (N, {num_joints}, C)"
                )
            channels[name] = values.shape[2 if per_joint else 1]
        return channels


def _read_config(config: Path | Mapping[str, object]) -> Config:
    if not isinstance(config, Path):
        settings = Config(copy.deepcopy(dict(config)))
    elif not config.is_file():
        raise FileNotFoundError(f"{config}: no such pose config; give POSE a mmpose config file (.py)")
    else:
        try:
            settings = Config.fromfile(str(config))
        except Exception as error:  # a config is Python, so anything can go wrong in it
            raise ValueError(f"{config}: not a config that mmengine can read ({error})") from error
    model = settings.get("model", {})
    if "decoder" not in model.get("head", {}) or "backbone" not in model:
        raise ValueError(
            f"{config}: its model has no backbone or no head with a decoder; "
            "expected a mmpose 1.x top-down config"
        )
    if "init_cfg" in settings.model.backbone:
        settings.model.backbone.init_cfg = (
            None  # would download ImageNet weights that the checkpoint replaces
        )
    return settings


def _build(settings: Config, checkpoint: Path | None) -> tuple[Any, Skeleton]:
    """Make the estimator (untyped: ``nn.Module`` does not know its parts) and its skeleton."""
    # without a checkpoint mmpose warns, past any filter, that it falls back to COCO's joints
    with warnings.catch_warnings(record=True):
        model = init_model(settings, None, device="cpu")
    metadata = model.dataset_meta
    name = settings.filename or "the preset's config"
    if checkpoint is not None:
        loaded = _load(checkpoint)
        state = loaded.get("state_dict", loaded)
        if is_authors_checkpoint(state):
            try:
                state = import_simcc_hrnet(state, model.state_dict())
            except ValueError as error:
                raise ValueError(f"{checkpoint}, for {name}: {error}") from error
            logger.info("%s: a checkpoint of SimCC's authors; imported into mmpose's names", checkpoint)
        try:
            wrong = model.load_state_dict(state, strict=False)
        except RuntimeError as error:  # the same names, other shapes
            first = str(error).splitlines()[1:2] or [str(error)]
            raise ValueError(f"{checkpoint} does not fit {name}: {first[0].strip()}") from error
        if wrong.missing_keys or wrong.unexpected_keys:
            raise ValueError(
                f"{checkpoint} does not fit {name}: the network lacks weights for "
                f"{wrong.missing_keys[:3]} ({len(wrong.missing_keys)}), the checkpoint has "
                f"{wrong.unexpected_keys[:3]} too many ({len(wrong.unexpected_keys)}); give this config's own"
            )
        metadata = loaded.get("meta", {}).get("dataset_meta", metadata)
    names = [metadata["keypoint_id2name"][index] for index in range(metadata["num_keypoints"])]
    links = [(names[a], names[b]) for a, b in metadata["skeleton_links"]]
    model.eval().requires_grad_(False)
    return model, make_skeleton(names, links)


class _Unread:
    """Stands where mmengine's loss history was; nothing of that is made."""

    def __setstate__(self, state: object) -> None:
        pass


def _unread(owner: object, name: str) -> None:
    """Stand in for ``getattr``, by which the loss history names its statistics, and look nothing up."""


_LOSS_HISTORY = [(_Unread, "mmengine.logging.history_buffer.HistoryBuffer"), (_unread, "builtins.getattr")]


def _load(checkpoint: Path) -> dict[str, Any]:
    if not checkpoint.is_file():
        raise FileNotFoundError(
            f"{checkpoint}: no such checkpoint; give POSE_CHECKPOINT the weights of the pose config"
        )
    check_weights_file(checkpoint)
    # what mmengine itself writes beside the weights: joints with colours, numpy numbers, its loss history
    harmless: list[Any] = [np.ndarray, np.dtype, *_LOSS_HISTORY]
    # private names, but the ones that numpy 1 writes into every pickle of an array or a number
    harmless += [getattr(np.core.multiarray, name) for name in ("_reconstruct", "scalar")]
    harmless += [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1", "bool")]
    try:
        with torch.serialization.safe_globals(harmless):
            loaded: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever it stumbles over
        lines = str(error).splitlines() or [type(error).__name__]
        reason = next((line.strip() for line in lines if "WeightsUnpickler error" in line), lines[0])
        raise ValueError(
            f"{checkpoint}: cannot be loaded as plain weights ({reason.partition(' Please')[0]}); it is "
            "damaged, and a whole one has to take its place; or it holds Python objects, which could "
            "run code: if you trust it, load it yourself and save only its state_dict"
        ) from error
    if not isinstance(loaded, dict):
        raise ValueError(f"{checkpoint}: holds a {type(loaded).__name__}; expected weights by name")
    return loaded


def _uses_udp(settings: Config) -> bool:
    """Tell how crops were made in training: the pipeline says so, else the decoder's kind does."""
    pipeline = settings.get("test_dataloader", {}).get("dataset", {}).get("pipeline", [])
    crops = [step for step in pipeline if step.get("type") == "TopdownAffine"]
    if not crops:
        return bool(settings.model.head.decoder.get("type") == "UDPHeatmap")
    return any(step.get("use_udp", False) for step in crops)


def _canonical(model: Config) -> bytes:
    return json.dumps(model.to_dict(), sort_keys=True, default=str).encode()


def _per_channel(values: Sequence[float], device: str) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).view(1, 3, 1, 1)


def _to_numpy(values: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return values.float().cpu().numpy()
