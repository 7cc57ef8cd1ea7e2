"""Which clips there are: every action by every subject, from several cameras, in several setups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scripts.demo_videos.actions import ACTIONS

GENERATOR = 2  # version of what is drawn: videos of another one are other videos

FIRST_TRAINING_SEED = 1000  # from here on the demo's networks learn; evaluations use the seeds below
FPS = 12  # frames per second: the demo is to be over in minutes
WH = (384, 288)  # pixels

Size = Literal["small", "full"]
Condition = Literal["normal", "occluded", "dark", "overexposed"]
CONDITIONS: tuple[Condition, ...] = ("normal", "occluded", "dark", "overexposed")
NUM_CAMERAS = 3  # 1 in front, 2 from the side, 3 from above as a drone sees
NUM_SETUPS = 4  # places with their light


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip that can be drawn; with the same plan it is the same clip.

    Args:
        action: a name of ``ACTIONS``.
        subject, camera, setup, replication: numbers from 1.
        partner: the other subject, in the same split of the cross-subject protocol.
        seed: of the whole set; other seeds have other people in other places.
        condition: what makes it hard to see.
    """

    action: str
    subject: int
    partner: int
    camera: int
    setup: int
    replication: int
    seed: int
    condition: Condition = "normal"

    @property
    def id(self) -> str:
        """The clip's id, which is the name of its file too; extract/datasets/demo.py reads it."""
        return f"{self.action}_p{self.subject:02d}_c{self.camera}_s{self.setup}_r{self.replication}"


def plan_clips(
    size: Size,
    seed: int,
    *,
    conditions: Sequence[Condition] = ("normal",),
    actions: Sequence[str] = tuple(ACTIONS),
) -> Iterator[ClipPlan]:
    """Yield the clips of the demo.

    Args:
        size: "small", 10 subjects and 300 clips; "full", 30 subjects and 2700 clips.
        seed: of everything that is drawn by lot.
        conditions: of each there are as many clips, which ones is drawn by lot.
        actions: which of them.
    """
    num_subjects = {"small": 10, "full": 30}[size]
    numbers = {action: number for number, action in enumerate(ACTIONS)}
    num_turns = {"small": 2, "full": NUM_CAMERAS * 2}[size]
    # by lot, because in turns they would coincide with the splits
    lots = iter(np.random.default_rng((seed, 4)).permutation(len(actions) * num_subjects * num_turns))
    for action in actions:
        for subject in range(1, num_subjects + 1):
            # two on, in the same split; the last two act with the first two
            partner = subject + 2 if subject + 2 <= num_subjects else subject + 2 - num_subjects
            for turn in range(num_turns):
                camera = 1 + (turn + subject + numbers[action]) % NUM_CAMERAS
                setup = 1 + (turn + subject // 2) % NUM_SETUPS
                yield ClipPlan(
                    action=action,
                    subject=subject,
                    partner=partner,
                    camera=camera,
                    setup=setup,
                    replication=1 + turn,
                    seed=seed,
                    condition=conditions[int(next(lots)) % len(conditions)],
                )
