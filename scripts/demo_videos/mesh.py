"""Facets that hang on bones: round limbs, balls, boxes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.demo_videos.body import Floats

Numbers = Sequence[float] | Floats
# centres of facets (F, 3) in metres in the bone's frame, around and along (F, 2) in [0, 1] -> (F, 3) RGB
Paint = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Mesh:
    """Four-cornered facets, counter-clockwise seen from outside.

    Args:
        corners: (F, 4, 3) metres in the frame of the facet's bone.
        colours: (F, 3) RGB in [0, 1].
        bones: (F,) numbers of the bones that carry the facets.
        parts: (F,) what the facets belong to, 1 to 255, for the map of who is seen where.
    """

    corners: Floats
    colours: Floats
    bones: npt.NDArray[np.int64]
    parts: npt.NDArray[np.uint8]

    def moved(self, *, bone: int, part: int) -> "Mesh":
        """Return the mesh on another bone, as another part."""
        num = len(self.bones)
        return Mesh(self.corners, self.colours, np.full(num, bone), np.full(num, part, np.uint8))


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Return one mesh of several."""
    return Mesh(
        np.concatenate([mesh.corners for mesh in meshes]),
        np.concatenate([mesh.colours for mesh in meshes]),
        np.concatenate([mesh.bones for mesh in meshes]),
        np.concatenate([mesh.parts for mesh in meshes]),
    )


def plain(colour: Numbers) -> Paint:
    """Return a paint of one colour."""
    return lambda centres, _: np.broadcast_to(np.asarray(colour, np.float64), centres.shape)


def loft(rings: Floats, paint: Paint, *, around: int) -> Mesh:
    """Return a skin over elliptic rings.

    Args:
        rings: (R, 5): centre x, y, z and half widths along x and y, from bottom to top; metres.
        paint: colours of the facets.
        around: facets per ring.
    """
    angles = np.linspace(0, 2 * np.pi, around, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles), np.zeros(around)], axis=1)
    widths = np.stack([rings[:, 3], rings[:, 4], np.zeros(len(rings))], axis=1)
    points = rings[:, None, :3] + circle * widths[:, None]  # (R, around, 3)
    right = np.roll(points, -1, axis=1)
    corners = np.stack([points[:-1], right[:-1], right[1:], points[1:]], axis=2).reshape(-1, 4, 3)
    along, turn = np.meshgrid(
        (np.arange(len(rings) - 1) + 0.5) / (len(rings) - 1),
        (np.arange(around) + 0.5) / around,
        indexing="ij",
    )
    return _mesh(corners, paint, np.stack([turn.ravel(), along.ravel()], axis=1))


def limb(
    length: float, top: float, bottom: float, paint: Paint, *, bulge: float = 0.0, rings: int = 7
) -> Mesh:
    """Return a round limb from the origin down (-z), with round ends.

    Args:
        length: metres.
        top: radius at the origin, metres.
        bottom: radius at the far end, metres.
        paint: colours of the facets.
        bulge: how much thicker it is at a third of its length, as a fraction.
        rings: facets along.
    """
    way = np.linspace(0, 1, rings)
    radii = (top + (bottom - top) * way) * (1 + bulge * np.exp(-(((way - 0.33) / 0.25) ** 2)))
    heights = -way * length
    share = np.array([0.95, 0.70, 0.10])  # of the radius, from the limb to its tip
    tip = np.sqrt(1 - share**2)
    z = np.concatenate([(tip * top)[::-1], heights, -length - tip * bottom])
    r = np.concatenate([(share * radii[0])[::-1], radii, share * radii[-1]])
    rows = np.stack([0 * z, 0 * z, z, r, r], axis=1)[::-1]
    return loft(rows, paint, around=9)


def ball(centre: Numbers, radii: Numbers, paint: Paint, *, around: int = 10, rings: int = 8) -> Mesh:
    """Return an ellipsoid; ``centre`` and ``radii`` are (x, y, z) in metres."""
    angles = np.linspace(-np.pi / 2 + 0.06, np.pi / 2 - 0.06, rings + 1)
    rows = np.stack(
        [
            np.full(rings + 1, centre[0]),
            np.full(rings + 1, centre[1]),
            centre[2] + np.sin(angles) * radii[2],
            np.cos(angles) * radii[0],
            np.cos(angles) * radii[1],
        ],
        axis=1,
    )
    return loft(rows, paint, around=around)


def box(centre: Numbers, size: Numbers, paint: Paint, *, pieces: int = 2) -> Mesh:
    """Return a box; each face is cut into ``pieces`` squared, as far facets are painted first, whole ones."""
    steps = np.linspace(-0.5, 0.5, pieces + 1)
    low_u, low_v = np.meshgrid(steps[:-1], steps[:-1], indexing="ij")
    step = 1.0 / pieces
    face = np.stack(
        [
            np.stack([low_u, low_v], -1),
            np.stack([low_u + step, low_v], -1),
            np.stack([low_u + step, low_v + step], -1),
            np.stack([low_u, low_v + step], -1),
        ],
        axis=2,
    ).reshape(-1, 4, 2)  # counter-clockwise in (u, v)
    corners = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side in (0.5, -0.5):
            points = np.zeros((len(face), 4, 3))
            points[..., axis], points[..., u], points[..., v] = side, face[..., 0], face[..., 1]
            corners.append(points if side > 0 else points[:, ::-1])
    whole = np.concatenate(corners) * np.asarray(size, np.float64) + np.asarray(centre, np.float64)
    return _mesh(whole, paint, np.zeros((len(whole), 2)))


def _mesh(corners: Floats, paint: Paint, around_along: Floats) -> Mesh:
    num = len(corners)
    colours = np.clip(paint(corners.mean(1), around_along), 0, 1)
    return Mesh(corners, np.array(colours), np.zeros(num, np.int64), np.ones(num, np.uint8))
