"""What may be varied in training: time, joints, channels, persons; on the batch's device, off by default.

What only poses allow (mirror, turn, scale) is done in train/poses.py.
Everything that is drawn comes from a seed on the CPU, so that all devices draw the same.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Augment:
    """Which variations, and how strong.

    Args:
        crop: the shortest part of a clip's time that is kept, and stretched to all of it; 1: all.
        jitter: every sample time moves by up to so many steps, to either side.
        joint_dropout: the share of a person's joints that are 0 in the stream, at all times.
        channel_dropout: the share of a clip's channels that are 0 in the stream, at all times.
        person_dropout: how probably a clip of several persons loses one of them.
        exchange: how probably the persons of a clip change slots, the first for the last.
        mirror: how probably the poses of a clip are mirrored.
        turn: poses turn in the picture by up to so many degrees, to either side.
        scale: poses grow or shrink by up to this share.

    As in ``torch.nn.Dropout``, what is left of joints and channels grows by the share that is lost.

    Raises:
        ValueError: a value is outside its range.
    """

    crop: float = 1.0
    jitter: float = 0.0
    joint_dropout: float = 0.0
    channel_dropout: float = 0.0
    person_dropout: float = 0.0
    exchange: float = 0.0
    mirror: float = 0.0
    turn: float = 0.0
    scale: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop is {self.crop}; expected the share of time that is kept, in (0, 1]")
        if self.jitter < 0:
            raise ValueError(f"jitter is {self.jitter}; expected a number of steps, 0 or more")
        if not 0 <= self.turn <= 180:
            raise ValueError(f"turn is {self.turn}; expected degrees, 0 to 180")
        for name in ("joint_dropout", "channel_dropout", "scale"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a share in [0, 1)")
        for name in ("person_dropout", "exchange", "mirror"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a probability in [0, 1]")

    @property
    def moves_time(self) -> bool:
        return self.crop < 1 or self.jitter > 0

    @property
    def moves_poses(self) -> bool:
        return self.mirror > 0 or self.turn > 0 or self.scale > 0


def vary_time(
    rows: Tensor,
    valid: Tensor | None,
    clip_of_row: Tensor,
    num_clips: int,
    augment: Augment,
    draw: torch.Generator,
) -> tuple[Tensor, Tensor | None]:
    """Crop and jitter time; the same for all persons of a clip. Comes before any bone or motion.

    Args:
        rows: (R, T, V, C).
        valid: (R, T), None: everywhere.
        clip_of_row: (R,) int64, which of the B clips.
        num_clips: B.
        augment: how much.
        draw: on the CPU.

    Returns:
        Rows float32 and valid of the moved times, by the rule of numerics contract 3 between two times: both
        valid, linear; one valid, that one; none, absent.
    """
    if not augment.moves_time:
        return rows, valid
    num_times = rows.shape[1]
    share = augment.crop + (1 - augment.crop) * torch.rand(num_clips, 1, generator=draw)
    begin = (1 - share) * torch.rand(num_clips, 1, generator=draw)
    # half-pixel positions, so that all of the time, unmoved, is every time itself
    positions = (begin + share * (torch.arange(num_times) + 0.5) / num_times) * num_times - 0.5
    positions += augment.jitter * (2 * torch.rand(num_clips, num_times, generator=draw) - 1)
    positions = positions.clamp(0, num_times - 1).to(rows.device)[clip_of_row]  # (R, T)
    lower = positions.floor().long()
    upper = positions.ceil().long()
    weights = positions - lower
    row = torch.arange(len(rows), device=rows.device)[:, None]
    if valid is not None:
        has_lower, has_upper = valid[row, lower], valid[row, upper]
        lower, upper = torch.where(has_lower, lower, upper), torch.where(has_upper, upper, lower)
        valid = has_lower | has_upper
    return torch.lerp(rows[row, lower].float(), rows[row, upper].float(), weights[:, :, None, None]), valid


def drop_joints_and_channels(
    rows: Tensor, clip_of_row: Tensor, num_clips: int, augment: Augment, draw: torch.Generator
) -> Tensor:
    """Set joints and channels of a stream's rows (R, T, V, C) to 0; comes after bone and motion."""
    if augment.joint_dropout:
        kept = _kept((len(rows), 1, rows.shape[2], 1), augment.joint_dropout, draw)
        rows = rows * kept.to(rows.device)
    if augment.channel_dropout:
        kept = _kept((num_clips, 1, 1, rows.shape[3]), augment.channel_dropout, draw)
        rows = rows * kept.to(rows.device)[clip_of_row]
    return rows


def drop_persons(present: Tensor, augment: Augment, draw: torch.Generator) -> Tensor:
    """Choose who stays.

    Args:
        present: (B, M) bool.
        augment: how probably a clip of several persons loses one.
        draw: on the CPU.

    Returns:
        (B, M) bool: of a clip with several persons at most one less, of others the same.
    """
    if not augment.person_dropout:
        return present
    luck = torch.rand(len(present), generator=draw).to(present.device)
    victim = (torch.rand(present.shape, generator=draw).to(present.device) * present).argmax(1)
    loses = (present.sum(1) > 1) & (luck < augment.person_dropout)
    is_victim = torch.arange(present.shape[1], device=present.device) == victim[:, None]
    return present & ~(is_victim & loses[:, None])


def exchange_persons(
    stream: Tensor, present: Tensor, augment: Augment, draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Turn the order of slots round in some clips: of the stream (B, C, T, V, M) and of present (B, M)."""
    if not augment.exchange:
        return stream, present
    chosen = (torch.rand(len(present), generator=draw) < augment.exchange).to(present.device)
    turned = torch.where(chosen[:, None, None, None, None], stream.flip(4), stream)
    return turned, torch.where(chosen[:, None], present.flip(1), present)


def _kept(shape: tuple[int, ...], share: float, draw: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=draw) >= share).float() / (1 - share)
