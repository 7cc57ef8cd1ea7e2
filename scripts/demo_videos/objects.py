"""Things in hands, on heads and lying around, in their true sizes (metres); z is up, x away from the body."""

from collections.abc import Callable, Mapping

import numpy as np

from scripts.demo_videos.mesh import Mesh, ball, box, join, loft, plain

# glazes and plastics; none has the colour of a hand
_GLAZES = ((0.95, 0.95, 0.92), (0.85, 0.1, 0.1), (0.1, 0.3, 0.8), (0.95, 0.8, 0.1), (0.1, 0.6, 0.35))
_PLASTICS = ((0.9, 0.2, 0.55), (0.1, 0.6, 0.65), (0.45, 0.2, 0.7), (0.55, 0.35, 0.18))


def _cup(dice: np.random.Generator) -> Mesh:
    colour = np.array(_GLAZES[int(dice.integers(len(_GLAZES)))]) * dice.uniform(0.85, 1.05)
    z = np.linspace(-0.055, 0.065, 5)
    wall = np.stack([0 * z, 0 * z, z, 0.041 + 0.1 * z, 0.041 + 0.1 * z], axis=1)
    inside = loft(
        np.array([(0, 0, 0.055, 0.039, 0.039), (0, 0, 0.056, 0.001, 0.001)]),
        plain((0.25, 0.15, 0.1)),
        around=9,
    )
    handle = box((0.055, 0, 0), (0.03, 0.012, 0.06), plain(colour * 0.9), pieces=1)
    return join([loft(wall, plain(colour), around=10), inside, handle])


def _phone(dice: np.random.Generator) -> Mesh:
    body = box((0, 0, 0), (0.015, 0.075, 0.155), plain(dice.uniform(0.02, 0.2, 3)), pieces=2)
    screen = box((-0.009, 0, 0), (0.003, 0.066, 0.14), plain(dice.uniform(0.5, 0.9, 3)), pieces=1)
    return join([body, screen])


def _brush(dice: np.random.Generator) -> Mesh:
    colour = np.array(_PLASTICS[int(dice.integers(len(_PLASTICS)))]) * dice.uniform(0.8, 1.1)
    handle = box((0, 0, -0.05), (0.02, 0.024, 0.12), plain(colour), pieces=1)
    head = ball((0, 0, 0.06), (0.022, 0.038, 0.06), plain(colour * 0.9), around=8, rings=6)
    bristles = box((-0.022, 0, 0.06), (0.02, 0.05, 0.09), plain((0.08, 0.07, 0.07)), pieces=1)
    return join([handle, head, bristles])


def _book(dice: np.random.Generator) -> Mesh:
    cover = dice.uniform(0.1, 0.8, 3)
    leaves = []
    for sign in (1, -1):
        # opened by 30 degrees; the pages face the reader, who is at -x
        tilt = np.radians(15) * sign
        turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
        for x, depth, size, colour in (
            (0.008, 0.006, 0.22, cover),
            (-0.003, 0.014, 0.205, (0.95, 0.93, 0.86)),
        ):
            leaf = box((x, sign * 0.078, 0), (depth, 0.15, size), plain(colour), pieces=2)
            leaves.append(Mesh(leaf.corners @ turn.T, leaf.colours, leaf.bones, leaf.parts))
    return join(leaves)


def _tablet(dice: np.random.Generator) -> Mesh:
    back = plain(dice.uniform(0.05, 0.3, 3))
    screen = plain(np.clip(dice.uniform(0.3, 1.0, 3) + np.array([0, 0, 0.2]), 0, 1))
    body = box((0, 0, 0), (0.010, 0.25, 0.175), back, pieces=3)
    return join([body, box((-0.006, 0, 0), (0.003, 0.22, 0.15), screen, pieces=3)])


def _hat(dice: np.random.Generator) -> Mesh:
    """A hat with a brim; its origin is the crown of the head."""
    colour = dice.uniform(0.1, 0.9, 3)
    brim = loft(
        np.array([(0, 0, -0.034, 0.15, 0.14), (0, 0, -0.028, 0.155, 0.145), (0, 0, -0.022, 0.09, 0.08)]),
        plain(colour * 0.9),
        around=16,
    )
    z = np.array([-0.03, 0.0, 0.04, 0.065, 0.075])
    top = np.stack(
        [0 * z, 0 * z, z, [0.105, 0.102, 0.09, 0.07, 0.01], [0.09, 0.088, 0.078, 0.06, 0.01]], axis=1
    )
    return join([brim, loft(top, plain(colour), around=14)])


def _parcel(dice: np.random.Generator) -> Mesh:
    paper = np.array([0.70, 0.52, 0.33]) * dice.uniform(0.7, 1.25)
    parcel = box((0.05, 0, 0), (0.16, 0.2, 0.13), plain(paper), pieces=3)
    tape = box((0.05, 0, 0), (0.163, 0.03, 0.133), plain((0.85, 0.8, 0.6)), pieces=3)
    return join([parcel, tape])


OBJECTS: Mapping[str, Callable[[np.random.Generator], Mesh]] = {
    "cup": _cup,
    "phone": _phone,
    "brush": _brush,
    "book": _book,
    "tablet": _tablet,
    "hat": _hat,
    "parcel": _parcel,
}
IN_ONE_HAND = ("cup", "phone", "brush", "hat")  # what the other hand may hold
