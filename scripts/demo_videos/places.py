"""Where a clip happens: ground, walls or sky, furniture, light; drawn once per clip."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scripts.demo_videos.body import Floats
from scripts.demo_videos.camera import Camera
from scripts.demo_videos.mesh import Mesh, ball, box, limb, plain

MARGIN = 24  # pixels around the picture, which a shake brings in
_TEXELS_PER_METRE = 96


@dataclass(frozen=True, slots=True)
class Place:
    """A clip's surroundings.

    Args:
        background: (H + 2 MARGIN, W + 2 MARGIN, 3) uint8 RGB.
        sun: (3,) unit vector towards the light.
        ambient: share of the light that comes from everywhere.
        furniture: in the world.
    """

    background: npt.NDArray[np.uint8]
    sun: Floats
    ambient: float
    furniture: tuple[Mesh, ...]


def draw_place(camera: Camera, free: float, dice: np.random.Generator) -> Place:
    """Return surroundings in which the ground around the origin is free.

    Args:
        camera: what it will be seen with.
        free: metres around the origin without furniture.
        dice: of the clip's setup.
    """
    indoors = bool(dice.random() < 0.55)
    wh = camera.wh
    grid = np.stack(
        np.meshgrid(np.arange(-MARGIN, wh[0] + MARGIN) + 0.5, np.arange(-MARGIN, wh[1] + MARGIN) + 0.5),
        axis=-1,
    )
    rays = camera.rays(grid)
    with np.errstate(divide="ignore"):
        to_ground = np.where(rays[..., 2] < -1e-6, -camera.place[2] / rays[..., 2], np.inf)
    ground = _ground(indoors, dice)
    hit = camera.place[:2] + rays[..., :2] * np.minimum(to_ground, 60.0)[..., None]
    picture = _look_up(ground, hit + dice.uniform(-4, 4, 2))
    far = to_ground * np.linalg.norm(rays, axis=-1)
    if indoors:
        # two walls that meet in a corner behind the persons
        toward = np.arctan2(-camera.place[1], -camera.place[0])
        for turn in (dice.uniform(-0.35, 0.2), dice.uniform(0.9, 1.4) * dice.choice([-1, 1])):
            normal = np.array([np.cos(toward + turn), np.sin(toward + turn)])
            distance = dice.uniform(1.8, 4.5)
            with np.errstate(divide="ignore"):
                to_wall = (distance - camera.place[:2] @ normal) / (rays[..., :2] @ normal)
            to_wall = np.where(to_wall > 0, to_wall, np.inf)
            point = camera.place + rays * np.minimum(to_wall, 60.0)[..., None]
            along = point[..., :2] @ np.array([-normal[1], normal[0]])
            wall = _look_up(_wall(dice), np.stack([along + 20, 3.4 - point[..., 2]], axis=-1))
            nearer = to_wall * np.linalg.norm(rays, axis=-1) < far
            picture[nearer] = wall[nearer] * dice.uniform(0.8, 1.05)
            far = np.minimum(far, to_wall * np.linalg.norm(rays, axis=-1))
    else:
        sky = far > 35
        picture[sky] = _skyline(grid, dice)[sky]
    sun_turn, sun_height = dice.uniform(0, 2 * np.pi), dice.uniform(0.5, 1.3)
    sun = np.array(
        [np.cos(sun_height) * np.cos(sun_turn), np.cos(sun_height) * np.sin(sun_turn), np.sin(sun_height)]
    )
    turns = dice.permutation([-1.5, -0.9, -0.3, 0.3, 0.9, 1.5])[: int(dice.integers(0, 4))]
    furniture = tuple(_piece(camera, free, float(turn + dice.uniform(-0.15, 0.15)), dice) for turn in turns)
    return Place(
        np.clip(picture * 255, 0, 255).astype(np.uint8), sun, float(dice.uniform(0.45, 0.75)), furniture
    )


def _noise(dice: np.random.Generator, size: int, octaves: tuple[int, ...]) -> Floats:
    """Return (size, size) smooth noise about 0, of spread 1, that repeats at its borders roughly."""
    total = np.zeros((size, size))
    for cells in octaves:
        total += (
            cv2.resize(dice.normal(0, 1, (cells, cells)), (size, size), interpolation=cv2.INTER_CUBIC)
            / len(octaves) ** 0.5
        )
    return total


def _ground(indoors: bool, dice: np.random.Generator) -> Floats:
    size = 512
    base = dice.uniform(0.25, 0.75) * np.array([1.0, dice.uniform(0.85, 1.05), dice.uniform(0.7, 1.05)])
    kind = str(
        dice.choice(["planks", "tiles", "carpet"] if indoors else ["grass", "asphalt", "paving", "sand"])
    )
    v, u = np.mgrid[:size, :size] / _TEXELS_PER_METRE
    if kind == "grass":
        base = np.array([0.25, 0.42, 0.16]) * dice.uniform(0.6, 1.3)
    if kind == "sand":
        base = np.array([0.75, 0.66, 0.48]) * dice.uniform(0.7, 1.1)
    texture: Floats = np.ones((size, size, 3)) * base
    rough = {"grass": 0.22, "asphalt": 0.12, "sand": 0.08, "carpet": 0.10}.get(kind, 0.05)
    texture *= (
        1 + rough * (_noise(dice, size, (9, 40, 160)) + 0.6 * dice.normal(0, 1, (size, size)))[..., None]
    )
    if kind in ("tiles", "paving", "planks"):
        wide, long = {"tiles": (0.4, 0.4), "paving": (0.3, 0.6), "planks": (0.14, 1.3)}[kind]
        row = np.floor(v / wide)
        column = np.floor(u / long + (row % 2) * 0.5)
        tone = np.random.default_rng(int(dice.integers(2**31))).normal(0, 0.06, 4096)
        texture *= 1 + tone[((row * 61 + column) % 4096).astype(int)][..., None]
        joint = (v % wide < 0.012) | ((u / long + (row % 2) * 0.5) % 1 < 0.012 / long)
        texture[joint] *= 0.6
    np.clip(texture, 0, 1, out=texture)
    return texture


def _wall(dice: np.random.Generator) -> Floats:
    size = 512
    base = dice.uniform(0.35, 0.95) * dice.uniform(0.82, 1.0, 3)
    texture: Floats = np.ones((size, size, 3)) * base * (1 + 0.04 * _noise(dice, size, (4, 60)))[..., None]
    if dice.random() < 0.3:  # bricks
        v, u = np.mgrid[:size, :size] / _TEXELS_PER_METRE
        row = np.floor(v / 0.09)
        texture[(v % 0.09 < 0.012) | ((u / 0.25 + (row % 2) * 0.5) % 1 < 0.05)] *= 0.75
    for _ in range(int(dice.integers(1, 6))):  # posters, windows, doors
        width, height = (int(side) for side in dice.integers(30, 150, 2))
        x, y = int(dice.integers(0, size - width)), int(dice.integers(20, 330 - min(height, 150)))
        patch = np.ones((height, width, 3)) * dice.uniform(0.1, 1.0, 3)
        for _ in range(int(dice.integers(0, 5))):
            a, b = dice.integers(0, width, 2), dice.integers(0, height, 2)
            cv2.rectangle(
                patch,
                (int(a[0]), int(b[0])),
                (int(a[1]), int(b[1])),
                [float(c) for c in dice.uniform(0, 1, 3)],
                -1,
            )
        texture[y : y + height, x : x + width] = patch
        cv2.rectangle(texture, (x, y), (x + width, y + height), [float(c) for c in base * 0.5], 3)
    texture[int(3.3 * _TEXELS_PER_METRE) :] *= 0.6  # a skirting board
    np.clip(texture, 0, 1, out=texture)
    return texture


def _skyline(grid: Floats, dice: np.random.Generator) -> Floats:
    """Return sky with clouds, and trees or houses below."""
    height, width, _ = grid.shape
    level = np.linspace(0, 1, height)[:, None, None]
    sky: Floats = (1 - level) * np.array([0.45, 0.62, 0.88]) + level * np.array([0.85, 0.90, 0.95])
    clouds = cv2.resize(_noise(dice, 256, (4, 11, 30)), (width, height))
    sky = np.clip(sky * dice.uniform(0.7, 1.05) + 0.12 * np.maximum(clouds, 0)[..., None], 0, 1)
    x = 0
    while x < width:
        wide, tall = int(dice.integers(18, 90)), int(dice.integers(15, 110))
        colour = (
            dice.uniform(0.2, 0.8, 3)
            if dice.random() < 0.5
            else np.array([0.12, 0.28, 0.10]) * dice.uniform(0.7, 1.6)
        )
        spread = 1 + 0.15 * dice.normal(0, 1, (height, min(wide, width - x), 1))
        # it reaches down to the ground, which is painted over its foot
        top = max(0, int(height * 0.42) - tall)
        sky[top:, x : x + wide] = np.clip(colour * spread[top:], 0, 1)
        x += wide + int(dice.integers(0, 40))
    return sky


def _look_up(texture: Floats, metres: Floats) -> Floats:
    texels = (metres * _TEXELS_PER_METRE).astype(np.float32)
    found: Floats = cv2.remap(
        texture, texels[..., 0], texels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return found


def _piece(camera: Camera, free: float, turn: float, dice: np.random.Generator) -> Mesh:
    """Return a table, shelf, column, plant or ball that stands beside or behind the persons."""
    away = np.arctan2(-camera.place[1], -camera.place[0])
    distance = free + dice.uniform(0.6, 2.2)
    x, y = distance * np.cos(away + turn), distance * np.sin(away + turn)
    colour = dice.uniform(0.1, 0.9, 3)
    kind = int(dice.integers(0, 5))
    if kind == 0:
        return box(
            (x, y, 0.37), (dice.uniform(0.5, 1.1), dice.uniform(0.5, 1.1), 0.74), plain(colour), pieces=4
        )
    if kind == 1:
        return box((x, y, 0.9), (0.35, dice.uniform(0.6, 1.2), 1.8), plain(colour), pieces=5)
    tall = dice.uniform(0.5, 2.6)
    if kind == 2:
        column = limb(tall, 0.12, 0.12, plain(colour), rings=12)
        return Mesh(column.corners + np.array([x, y, tall]), column.colours, column.bones, column.parts)
    if kind == 3:
        return ball((x, y, 0.25), (0.25, 0.25, 0.25), plain(colour))
    green = np.array([0.15, 0.4, 0.12]) * dice.uniform(0.6, 1.5)
    return ball(
        (x, y, tall * 0.5),
        (0.35, 0.35, tall * 0.5),
        lambda c, _: green * (1 + 0.5 * np.sin(60 * c[:, :1] + 80 * c[:, 2:])),
    )
