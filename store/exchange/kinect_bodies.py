"""Which of the bodies that a Kinect followed are people. Pure.

The Kinect also follows chairs and shadows, and gives a person who was lost a new number. The rules are those
of the field's preparation of NTU RGB+D (specs/ctrgcn.md 7), whole bodies only.
"""

from collections.abc import Callable, Sequence

import numpy as np

from store.exchange.kinect_file import Body

MAX_BODIES = 2
_FEWEST_FRAMES = 12  # 11 and fewer are noise
_WIDEST = 0.8  # of its height: a frame in which a body is wider is noise
_NOISY_SHARE = 0.69754  # a body with such a share of noisy frames is noise
_MOTION = (0.089925, 2.0)  # square metres; a still chair spreads less, a body that jumps about more


def choose_bodies(bodies: Sequence[Body]) -> list[Body]:
    """Return the people, at most two, the one with the most motion first.

    A body that is alone is taken as it is; a rule that would leave nobody is passed over.
    """
    rules: tuple[Callable[[Body], bool], ...] = (
        lambda body: len(body.frames) >= _FEWEST_FRAMES,
        lambda body: _noisy_share(body) < _NOISY_SHARE,
    )
    kept = list(bodies)
    for rule in rules:
        if len(kept) > 1:
            kept = [body for body in kept if rule(body)] or kept
    kept.sort(key=motion, reverse=True)  # of equals the one that came first
    people = kept[:1] + [body for body in kept[1:] if _MOTION[0] <= motion(body) <= _MOTION[1]]
    return people[:MAX_BODIES]


def motion(body: Body) -> float:
    """Return how far a body spreads in space over the clip: the variances of x, y and z, summed."""
    return float(body.joints.reshape(-1, 3).var(axis=0, dtype=np.float64).sum())


def _noisy_share(body: Body) -> float:
    spread = np.ptp(body.joints[..., :2], axis=1)  # (F, 2) width and height
    return float((spread[:, 0] > _WIDEST * spread[:, 1]).mean())
