"""Which steps of a clip the networks see: the sampler of PoseConv3D and EPAM-Net (specs/epam.md A.1). Pure.

A step is what a store has a row for: a frame on the native clock, where the published sampler is exact, else
one of its sample times. RGB steps are some of the pose steps, so both streams see the same moments.
"""

import hashlib

import numpy as np
import numpy.typing as npt

Steps = npt.NDArray[np.int64]

NUM_POSE_STEPS = 48  # N
NUM_RGB_STEPS = 16  # M
PUBLISHED_SEED = 255  # of every clip in a test, so that clips of one length have the same steps


def draw_for(clip_id: str, *, seed: int) -> np.random.RandomState:
    """Return what draws the steps of a clip: its own numbers, whatever is drawn before or beside it.

    ``seed`` is its batch's, another one in each epoch (``train.order.BatchPlan``). It is NumPy's frozen
    generator, because the published sampler is defined by that one's numbers.
    """
    digest = hashlib.sha256(f"{seed}\n{clip_id}".encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, np.uint32))


def published_draw() -> np.random.RandomState:
    """Return what draws the steps of every clip in a published test."""
    return np.random.RandomState(PUBLISHED_SEED)


def steps_in_training(num_steps: int, num_samples: int, draw: np.random.RandomState) -> Steps:
    """Choose the steps of a clip for training.

    Args:
        num_steps: T, what the clip has.
        num_samples: n, what is wanted.
        draw: see ``draw_for``.

    Returns:
        (n,) int64, ascending, but for a clip of fewer than n steps, which begins anywhere and is repeated.

    Raises:
        ValueError: the clip is empty, or nothing is wanted.
    """
    _check(num_steps, num_samples)
    if num_steps < num_samples:
        return _around(num_steps, num_samples, int(draw.randint(num_steps)))
    return _spread(num_steps, num_samples, draw)


def steps_in_test(
    num_steps: int, num_samples: int, draw: np.random.RandomState, *, num_views: int = 1
) -> Steps:
    """Choose the steps of one or several views of a clip for a test.

    Args:
        num_steps: T, what the clip has.
        num_samples: n, what a view shows.
        draw: see ``draw_for`` and ``published_draw``; views are drawn one after another.
        num_views: whose scores will be averaged; 1 is EPAM-Net's, 10 PoseConv3D's.

    Returns:
        (num_views, n) int64. A clip of fewer than n steps is repeated; its views begin at other steps.

    Raises:
        ValueError: the clip is empty, or nothing is wanted.

    Source: specs/epam.md A.1; of several views specs/posec3d.md 1.
    """
    _check(num_steps, num_samples)
    if num_steps >= num_samples:
        return np.stack([_spread(num_steps, num_samples, draw) for _ in range(num_views)])
    begins = [view if num_steps < num_views else view * num_steps // num_views for view in range(num_views)]
    return np.stack([_around(num_steps, num_samples, begin) for begin in begins])


def rgb_steps(pose_steps: Steps, num_samples: int, *, phase: int = 0) -> Steps:
    """Choose the RGB steps among the pose steps: one of each N / M neighbours.

    Args:
        pose_steps: (..., N).
        num_samples: M.
        phase: which of the neighbours; the first is published.

    Returns:
        (..., M).

    Raises:
        ValueError: N is no multiple of M, or there is no such neighbour.
    """
    stride = rgb_stride(pose_steps.shape[-1], num_samples)
    if not 0 <= phase < stride:
        raise ValueError(f"phase is {phase}; expected one of the {stride} pose steps per RGB step, from 0")
    return pose_steps[..., phase::stride]


def rgb_stride(num_pose_steps: int, num_rgb_steps: int) -> int:
    """Return N / M, the pose steps per RGB step.

    Raises:
        ValueError: it is not a whole number.
    """
    if num_rgb_steps < 1 or num_pose_steps < 1 or num_pose_steps % num_rgb_steps:
        raise ValueError(
            f"{num_pose_steps} pose steps for {num_rgb_steps} RGB steps; expected a multiple, such as "
            f"{NUM_POSE_STEPS} for {NUM_RGB_STEPS}"
        )
    return num_pose_steps // num_rgb_steps


def _check(num_steps: int, num_samples: int) -> None:
    if num_steps < 1 or num_samples < 1:
        raise ValueError(f"{num_samples} steps of a clip of {num_steps}; expected 1 or more of both")


def _around(num_steps: int, num_samples: int, begin: int) -> Steps:
    return (begin + np.arange(num_samples)) % num_steps


def _spread(num_steps: int, num_samples: int, draw: np.random.RandomState) -> Steps:
    steps = np.arange(num_samples)
    if num_steps < 2 * num_samples:
        # one step is left out at each of some places: before, between or after what is taken
        gaps = np.zeros(num_samples + 1, np.int64)
        gaps[draw.choice(num_samples + 1, num_steps - num_samples, replace=False)] = 1
        return steps + np.cumsum(gaps)[:num_samples]
    edges = np.arange(num_samples + 1) * num_steps // num_samples
    return edges[:-1] + draw.randint(np.diff(edges))
