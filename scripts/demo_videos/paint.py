"""Facets -> pixels, farthest first, at twice the picture's resolution."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scripts.demo_videos.body import Floats
from scripts.demo_videos.camera import Camera
from scripts.demo_videos.mesh import Mesh

SCALE = 2  # painted pixels per pixel of the picture
_SHIFT = 4  # bits of a painted pixel's fraction
_NEAR = 0.3  # metres; what is nearer is not painted


@dataclass(frozen=True, slots=True)
class Layer:
    """What was painted.

    Args:
        rows, columns: of the picture, all that was painted lies in them.
        colours: (rows, columns, 3) uint8 RGB, times coverage.
        coverage: (rows, columns, 1) uint8, 255 where the whole pixel is covered.
        parts: (SCALE H, SCALE W) uint8, what is seen in each painted pixel; 0 is nothing.
    """

    rows: slice
    columns: slice
    colours: npt.NDArray[np.uint8]
    coverage: npt.NDArray[np.uint8]
    parts: npt.NDArray[np.uint8]


def paint(
    mesh: Mesh,
    rotations: Floats,
    origins: Floats,
    camera: Camera,
    affine: Floats,
    *,
    sun: Floats,
    ambient: float,
) -> Layer:
    """Paint a mesh.

    Args:
        mesh: facets on bones.
        rotations: (B, 3, 3) of the bones, to the world.
        origins: (B, 3) of the bones, metres in the world.
        camera: where it is seen from.
        affine: (2, 3), from the camera's pixels to the shaken picture's.
        sun: (3,) unit vector towards the light.
        ambient: share of the light that comes from everywhere, [0, 1].
    """
    corners = np.matmul(mesh.corners, rotations[mesh.bones].swapaxes(1, 2)) + origins[mesh.bones, None]
    centres = corners.mean(1)
    normals = _cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    shown = np.flatnonzero(((camera.place - centres) * normals).sum(1) > 0)  # the others face away
    pixels, depths = camera.project(corners[shown])
    is_before = depths.min(1) > _NEAR
    shown, pixels = shown[is_before], pixels[is_before]
    order = np.argsort(-np.linalg.norm(centres[shown] - camera.place, axis=1), kind="stable")
    shown, pixels = shown[order], pixels[order] @ affine[:, :2].T + affine[:, 2]
    normals = normals[shown] / np.maximum(np.linalg.norm(normals[shown], axis=1, keepdims=True), 1e-9)
    light = ambient + (1 - ambient) * np.clip(normals @ sun, 0, 1) * 1.25 + 0.08 * normals[:, 2]
    colours = np.clip(mesh.colours[shown] * light[:, None] * 255, 0, 255)
    width, height = camera.wh
    canvas = np.zeros((SCALE * height, SCALE * width, 4), np.uint8)
    # a painted pixel's middle is at a whole number
    points = np.round((pixels * SCALE - 0.5) * (1 << _SHIFT)).astype(np.int32)
    colours_parts = np.concatenate([colours, mesh.parts[shown, None]], axis=1).tolist()
    for facet, colour_part in zip(points, colours_parts, strict=True):
        cv2.fillConvexPoly(canvas, facet, colour_part, lineType=cv2.LINE_8, shift=_SHIFT)
    rows, columns = _span(points[..., 1], height), _span(points[..., 0], width)
    painted = canvas[_scaled(rows), _scaled(columns)]
    red, green, blue, parts = cv2.split(painted)
    covered = cv2.compare(parts, 0, cv2.CMP_GT)
    small_wh = (columns.stop - columns.start, rows.stop - rows.start)
    small = cv2.resize(cv2.merge([red, green, blue, covered]), small_wh, interpolation=cv2.INTER_AREA)
    return Layer(rows, columns, small[..., :3], small[..., 3:], canvas[..., 3])


def _span(points: npt.NDArray[np.int32], length: int) -> slice:
    """Return the pixels of the picture, one at least, that painted coordinates lie in."""
    if not points.size:
        return slice(0, 1)
    unit = SCALE << _SHIFT
    first = min(max(int(points.min()) // unit - 1, 0), length - 1)
    return slice(first, max(min(int(points.max()) // unit + 2, length), first + 1))


def _scaled(span: slice) -> slice:
    return slice(span.start * SCALE, span.stop * SCALE)


def _cross(a: Floats, b: Floats) -> Floats:
    """Return the cross products of (F, 3) and (F, 3); numpy's own takes three times as long."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)
