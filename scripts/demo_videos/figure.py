"""A person's look: limbs with volume, a face, hair, skin and clothes, hung on the bones of a body."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.demo_videos.body import BONES, FACE, Body, Floats
from scripts.demo_videos.mesh import Mesh, Numbers, Paint, ball, join, limb, loft, plain

_SKINS = ((0.96, 0.80, 0.69), (0.90, 0.70, 0.56), (0.78, 0.57, 0.42), (0.60, 0.42, 0.30), (0.42, 0.28, 0.20))
_HAIRS = ((0.08, 0.06, 0.05), (0.25, 0.16, 0.10), (0.45, 0.30, 0.16), (0.75, 0.60, 0.35), (0.55, 0.53, 0.52))


@dataclass(frozen=True, slots=True)
class Look:
    """What a subject looks like; colours are RGB in [0, 1].

    Args:
        skin, hair, shirt, shirt_second, trousers, shoes: colours.
        pattern: of the shirt: "plain", "stripes", "checks" or "dots".
        sleeve: share of the arm that is covered, 0.5 (short) to 1.
        leg: share of the leg that is covered.
        hair_length: metres below the ear; 0 is short.
        skirt: whether the legs are covered by a skirt down to the knee.
    """

    skin: Numbers
    hair: Numbers
    shirt: Numbers
    shirt_second: Numbers
    trousers: Numbers
    shoes: Numbers
    pattern: str
    sleeve: float
    leg: float
    hair_length: float
    skirt: bool


def draw_look(dice: np.random.Generator) -> Look:
    """Return somebody's look."""

    def cloth() -> Floats:
        return np.clip(dice.uniform(0.05, 0.95, 3) * dice.uniform(0.5, 1.0), 0, 1)

    shade = dice.uniform(0.9, 1.08)
    skirt = bool(dice.random() < 0.15)
    return Look(
        skin=np.clip(np.multiply(_SKINS[dice.integers(len(_SKINS))], shade), 0, 1),
        hair=_HAIRS[dice.integers(len(_HAIRS))],
        shirt=cloth(),
        shirt_second=cloth(),
        trousers=cloth() * 0.8,
        shoes=cloth() * dice.uniform(0.3, 1.0),
        pattern=str(dice.choice(["plain", "plain", "stripes", "checks", "dots"])),
        sleeve=float(dice.choice([0.45, 1.0, 1.0])),
        leg=0.45 if skirt or dice.random() < 0.25 else 1.0,
        hair_length=float(dice.choice([0.0, 0.0, 0.05, 0.16])),
        skirt=skirt,
    )


def build_figure(body: Body, look: Look, dice: np.random.Generator) -> Mesh:
    """Return the facets of a person, on the bones of ``BONES``; a facet's part is its bone's number + 1."""
    tall, wide = body.height, body.build
    thick = tall * wide
    shirt = _pattern(look, dice)
    trousers = _cloth(look.trousers, dice)
    skin = _cloth(look.skin, dice, rough=0.015)
    meshes: list[tuple[str, Mesh]] = [
        ("pelvis", _trunk(_PELVIS, tall, wide, trousers)),
        ("chest", _trunk(_CHEST, tall, wide, shirt)),
        ("chest", loft(_neck(tall), skin, around=8)),
        ("head", _head(tall, look, dice)),
    ]
    if look.skirt:
        meshes.append(("pelvis", _trunk(_SKIRT, tall, wide, trousers)))
    for side in "lr":
        meshes += [
            (f"{side}_upper_arm", limb(
                0.186 * tall, 0.025 * thick, 0.020 * thick, _covered(shirt, skin, 2 * look.sleeve), bulge=0.08
            )),
            (f"{side}_forearm", limb(
                0.146 * tall, 0.020 * thick, 0.014 * thick, _covered(shirt, skin, 2 * look.sleeve - 1),
                bulge=0.12,
            )),
            (f"{side}_hand", limb(0.055 * tall, 0.013 * tall, 0.014 * tall, skin, bulge=0.3, rings=4)),
            (f"{side}_thigh", limb(
                0.245 * tall, 0.054 * thick, 0.032 * thick, _covered(trousers, skin, 2 * look.leg), bulge=0.04
            )),
            (f"{side}_shank", limb(
                0.240 * tall, 0.031 * thick, 0.020 * thick, _covered(trousers, skin, 2 * look.leg - 1),
                bulge=0.12,
            )),
            (f"{side}_foot", ball(
                np.array([0.045, 0, -0.02]) * tall, np.array([0.075, 0.027, 0.022]) * tall, plain(look.shoes),
                rings=5,
            )),
        ]  # fmt: skip
    numbers = {bone: number for number, bone in enumerate(BONES)}
    return join([mesh.moved(bone=numbers[bone], part=numbers[bone] + 1) for bone, mesh in meshes])


# rings of the trunk: z from the bone's origin, half widths along x and y; fractions of the height
_PELVIS = (
    (-0.06, 0.045, 0.060),
    (-0.02, 0.060, 0.088),
    (0.03, 0.060, 0.090),
    (0.07, 0.056, 0.083),
    (0.10, 0.05, 0.07),
)
_CHEST = (
    (-0.03, 0.052, 0.078), (0.02, 0.056, 0.082), (0.07, 0.060, 0.088), (0.12, 0.064, 0.096),
    (0.17, 0.062, 0.102), (0.205, 0.052, 0.104), (0.228, 0.040, 0.085), (0.245, 0.026, 0.040),
)  # fmt: skip
_SKIRT = (
    (-0.26, 0.100, 0.120),
    (-0.18, 0.092, 0.112),
    (-0.09, 0.080, 0.102),
    (0.0, 0.066, 0.094),
    (0.05, 0.06, 0.09),
)


def _trunk(rings: Sequence[Sequence[float]], tall: float, wide: float, paint: Paint) -> Mesh:
    rows = np.array([(0.0, 0.0, z, x * wide, y * (0.6 + 0.4 * wide)) for z, x, y in rings]) * tall
    fine = np.linspace(0, len(rows) - 1, 2 * len(rows) - 1)  # stripes need more rings than the form
    rows = np.stack([np.interp(fine, np.arange(len(rows)), column) for column in rows.T], axis=1)
    return loft(rows, paint, around=14)


def _neck(tall: float) -> Floats:
    return np.array([(0, 0, z, 0.029, 0.030) for z in (0.22, 0.25, 0.285, 0.31)]) * tall


def _head(tall: float, look: Look, dice: np.random.Generator) -> Mesh:
    centre = np.array([0.006, 0, 0.062]) * tall
    radii = np.array([0.058, 0.045, 0.070]) * tall
    nose, eye = np.multiply(FACE["nose"], tall), np.multiply(FACE["left_eye"], tall)
    fringe = dice.uniform(0.035, 0.05) * tall

    def face(centres: Floats, _: Floats) -> Floats:
        x, y, z = (centres - centre).T
        colours = np.broadcast_to(np.asarray(look.skin, np.float64), centres.shape).copy()
        hairy = (
            (z > fringe)
            | (x < -0.1 * radii[0]) & (z > -0.3 * radii[2])
            | (x < 0.25 * radii[0]) & (z > 0.35 * radii[2])
        )
        colours[hairy] = look.hair
        across, up = np.abs(np.abs(y) - eye[1]), z - (eye[2] - centre[2])
        front = x > 0.3 * radii[0]
        colours[front & (across < 0.010 * tall) & (np.abs(up) < 0.007 * tall)] = (0.12, 0.09, 0.08)
        brow = front & (across < 0.012 * tall) & (np.abs(up - 0.016 * tall) < 0.005 * tall)
        colours[brow] = np.multiply(look.hair, 0.8)
        mouth = front & (np.abs(y) < 0.016 * tall) & (np.abs(z + 0.038 * tall) < 0.006 * tall)
        colours[mouth] = np.multiply(look.skin, (0.85, 0.5, 0.5))
        return colours

    ears = [
        ball((0, sign * 0.045 * tall, 0.058 * tall), np.array([0.011, 0.006, 0.018]) * tall,
             plain(np.multiply(look.skin, 0.92)), around=6, rings=4)
        for sign in (1, -1)
    ]  # fmt: skip
    nose_ball = ball(
        nose - [0.006 * tall, 0, 0],
        np.array([0.010, 0.008, 0.012]) * tall,
        plain(np.multiply(look.skin, 1.03)),
        around=6,
        rings=4,
    )
    parts = [ball(centre, radii, face, around=22, rings=18), *ears, nose_ball]
    if look.hair_length:
        length = look.hair_length + 0.05 * tall
        parts.append(
            ball(
                centre - [0.022 * tall, 0, length - 0.08 * tall],
                (0.045 * tall, 0.05 * tall, length),
                plain(look.hair),
            )
        )
    return join(parts)


def _cloth(colour: Numbers, dice: np.random.Generator, *, rough: float = 0.04) -> Paint:
    """Cloth has folds: each facet differs a little."""
    seed = int(dice.integers(2**31))

    def paint(centres: Floats, _: Floats) -> Floats:
        folds = np.random.default_rng(seed).normal(0, rough, (len(centres), 1))
        return np.add(np.multiply(colour, 1 + folds), folds * 0.3)

    return paint


def _pattern(look: Look, dice: np.random.Generator) -> Paint:
    cloth = _cloth(look.shirt, dice)
    count = int(dice.integers(4, 8))

    def paint(centres: Floats, around_along: Floats) -> Floats:
        colours = np.array(cloth(centres, around_along))
        around, along = np.floor(around_along * [2 * count, count]).astype(int).T
        second = {
            "plain": np.zeros(len(centres), bool),
            "stripes": along % 2 == 0,
            "checks": (around + along) % 2 == 0,
            "dots": (around % 3 == 0) & (along % 2 == 0),
        }[look.pattern]
        colours[second] = look.shirt_second
        return colours

    return paint


def _covered(cloth: Paint, skin: Paint, share: float) -> Paint:
    """Cloth down to a share of a limb, skin below."""

    def paint(centres: Floats, around_along: Floats) -> Floats:
        is_cloth = around_along[:, 1:] > 1 - share  # limbs hang: the top is at 1
        return np.where(is_cloth, cloth(centres, around_along), skin(centres, around_along))

    return paint
