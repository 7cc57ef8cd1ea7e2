"""A plan -> everything in the clip, and its frames with what is true of them."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from scripts.demo_videos.actions import ACTIONS, Act, Actor, Held, Movement, Style, idle, place_of
from scripts.demo_videos.body import BONES, PALM, SIDES, Body, Floats, Placed
from scripts.demo_videos.camera import Camera, Shake, draw_shake, look_at
from scripts.demo_videos.clips import FPS, WH, ClipPlan
from scripts.demo_videos.figure import build_figure, draw_look
from scripts.demo_videos.light import Light, draw_light
from scripts.demo_videos.mesh import Mesh, box, join, limb, plain
from scripts.demo_videos.motion import turns_at, values_at
from scripts.demo_videos.objects import IN_ONE_HAND, OBJECTS
from scripts.demo_videos.paint import SCALE, paint
from scripts.demo_videos.places import MARGIN, Place, draw_place
from scripts.demo_videos.truth import PARTS_PER_PERSON, FrameTruth, box_of, visibility_of

_FOCAL_PX = 440.0
_THING, _SURROUNDINGS = 200, 250  # parts that are nobody
_BLURRED = 0.2  # share of the clips that are filmed with a slow shutter
_SUB_FRAMES, _SHUTTER = 3, 0.5  # of those; share of a frame's time that the shutter is open
_BYSTANDER = 0.12  # share of the clips with one
_FIRST_STRANGER = 900  # number of the first subject who never acts
_ONE_HANDED = ("wave", "kick", "drink", "phone_call", "brush_hair", "put_on_hat", "scratch_head")
_BARE_HEADED = ("put_on_hat", "scratch_head")  # a hat from the start would tell them apart, or hide it


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that is seen in a frame.

    Args:
        name: of objects.py.
        x, y: of its middle, pixels.
    """

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame, and what is true of it.

    Args:
        picture: (H, W, 3) uint8 RGB.
        truth: its boxes and keypoints.
        things: the objects of which the middle is seen, in hands and lying around.
    """

    picture: npt.NDArray[np.uint8]
    truth: FrameTruth
    things: tuple[Thing, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A clip, ready to be drawn in any order.

    Args:
        num_frames: T, at ``FPS``.
        num_actors: persons who act; ``num_persons`` counts bystanders too.
    """

    num_frames: int
    num_actors: int
    num_persons: int
    _mesh: Mesh
    _rotations: Floats  # (T S, B, 3, 3), S sub-frames
    _origins: Floats  # (T S, B, 3)
    _keypoints: Floats  # (T S, P, 17, 3)
    _things: tuple[tuple[str, Floats], ...]  # name, (T S, 3)
    _camera: Camera
    _shake: Shake
    _place: Place
    _light: Light

    def render(self, index: int) -> Moment:
        """Draw frame ``index``."""
        num_sub_frames = len(self._rotations) // self.num_frames
        affine = self._shake.matrix(index, WH)
        ground = self._ground(index * num_sub_frames, affine)
        total = np.zeros((WH[1], WH[0], 3), np.float32)
        middle = index * num_sub_frames + num_sub_frames // 2
        for moment in range(index * num_sub_frames, (index + 1) * num_sub_frames):
            layer = paint(
                self._mesh, self._rotations[moment], self._origins[moment], self._camera, affine,
                sun=self._place.sun, ambient=self._place.ambient,
            )  # fmt: skip
            bare = np.float32(1) - layer.coverage * np.float32(1 / 255)
            place = (layer.rows, layer.columns)
            under = ground.copy()
            under[place] *= bare
            under[place] += layer.colours
            total += under
            if moment == middle:
                parts = layer.parts
        return Moment(
            self._light.expose(total / num_sub_frames, index),
            self._truth(parts, middle, affine),
            self._seen_things(parts, middle, affine),
        )

    def _ground(self, moment: int, affine: Floats) -> npt.NDArray[np.float32]:
        """Return the shaken background with the persons' shadows."""
        shifted = affine.copy()
        shifted[:, 2] -= affine[:, :2] @ np.array([MARGIN, MARGIN])
        picture = cv2.warpAffine(self._place.background, shifted, WH, borderMode=cv2.BORDER_REPLICATE)
        shadow = np.zeros((WH[1], WH[0]), np.float32)
        circle = np.stack([np.cos(_CIRCLE), np.sin(_CIRCLE), 0 * _CIRCLE], axis=1) * 0.32
        for person in range(self.num_persons):
            middle = self._origins[moment, person * len(BONES)] * [1, 1, 0]
            pixels, _ = self._camera.project(circle + middle)
            pixels = pixels @ affine[:, :2].T + affine[:, 2]
            cv2.fillConvexPoly(shadow, np.round(pixels).astype(np.int32), 1.0)
        shadow = cv2.blur(cv2.blur(shadow, (7, 7)), (7, 7))
        dimmed: npt.NDArray[np.float32] = picture * (1 - np.float32(0.4) * shadow[..., None])
        return dimmed

    def _truth(self, parts: npt.NDArray[np.uint8], moment: int, affine: Floats) -> FrameTruth:
        pixels, _ = self._camera.project(self._keypoints[moment])
        pixels = pixels @ affine[:, :2].T + affine[:, 2]
        flags = []
        for person in range(self.num_persons):
            bones = slice(person * len(BONES), (person + 1) * len(BONES))
            to_camera = self._camera.place - self._origins[moment, bones][0]
            to_camera /= np.linalg.norm(to_camera)
            flags.append(visibility_of(
                parts, person, pixels[person], self._rotations[moment, bones], to_camera
            ))  # fmt: skip
        boxes = np.stack([box_of(parts, person) for person in range(self.num_persons)])
        return FrameTruth(boxes, pixels, np.stack(flags))

    def _seen_things(self, parts: npt.NDArray[np.uint8], moment: int, affine: Floats) -> tuple[Thing, ...]:
        seen = []
        for name, places in self._things:
            (pixel,), _ = self._camera.project(places[moment][None])
            x, y = (float(value) for value in affine[:, :2] @ pixel + affine[:, 2])
            if 0 <= x < WH[0] and 0 <= y < WH[1] and parts[int(y * SCALE), int(x * SCALE)] >= _THING:
                seen.append(Thing(name, x, y))
        return tuple(seen)


_CIRCLE = np.linspace(0, 2 * np.pi, 20, endpoint=False)


def build_scene(plan: ClipPlan) -> Scene:
    """Return what a plan says, ready to be drawn."""
    action = ACTIONS[plan.action]
    # classes that the object alone tells apart share all lots but those of objects
    movements = sorted({one.movement for one in ACTIONS.values()})
    key = (plan.subject, plan.camera, plan.setup, plan.replication)
    lots = np.random.default_rng((plan.seed, 2, movements.index(action.movement), *key)).spawn(5)
    of_act, of_view, of_crowd, of_things, of_light = lots
    subjects = [plan.subject, plan.partner][: action.num_persons]
    actors = [_actor(plan.seed, subject) for subject in subjects]
    act = action.act(tuple(actors), of_act)
    num_frames = max(8, round(act.seconds * FPS))
    is_blurred = bool(of_view.random() < _BLURRED)
    num_sub_frames = _SUB_FRAMES if is_blurred else 1
    steps = (np.arange(num_sub_frames) + 0.5) / num_sub_frames * _SHUTTER if is_blurred else np.zeros(1)
    seconds = ((np.arange(num_frames)[:, None] + steps) / FPS).ravel()

    camera = _camera(plan, len(actors), of_view)
    people = [*zip(actors, act.movements, strict=True)]
    starts = _starts(len(actors), act.metres_apart, of_view)
    if of_crowd.random() < _BYSTANDER:
        subjects.append(_FIRST_STRANGER + int(of_crowd.integers(50)))
        stranger = _actor(plan.seed, subjects[-1])
        people.append((stranger, idle(stranger, act.seconds, of_crowd)))
        starts.append(_aside(camera, of_crowd))
    placed = [
        _place_person(actor, movement, start, seconds)
        for (actor, movement), start in zip(people, starts, strict=True)
    ]
    meshes, rotations, origins = [], [], []
    things: list[tuple[str, Floats]] = []
    for number, (subject, (actor, _), bones) in enumerate(zip(subjects, people, placed, strict=True)):
        look = _subject_dice(plan.seed, subject, 1)
        figure = build_figure(actor.body, draw_look(look), look)
        meshes.append(_shifted(figure, number * len(BONES), number * PARTS_PER_PERSON))
        rotations.append(bones.rotations)
        origins.append(bones.origins)
    for held in (*act.held, *_distractors(plan, actors, of_things)):
        turns, points = _carry(held, placed, [actor for actor, _ in people], seconds)
        meshes.append(
            OBJECTS[held.name](of_things).moved(bone=sum(one.shape[1] for one in rotations), part=_THING)
        )
        rotations.append(turns[:, None])
        origins.append(points[:, None])
        things.append((held.name, points + turns @ meshes[-1].corners.mean((0, 1))))
    place = draw_place(
        camera, 0.9 + act.metres_apart / 2, np.random.default_rng((plan.seed, 3, plan.setup, plan.camera))
    )
    table, lying = _lying(camera, act, of_things)
    things += [(name, np.tile(mesh.corners.mean((0, 1)), (len(seconds), 1))) for name, mesh in lying]
    static = [*place.furniture, *table, *(mesh for _, mesh in lying)]
    if plan.condition == "occluded":
        static.append(_obstacle(camera, of_things))
    if static:
        last = sum(one.shape[1] for one in rotations)
        meshes += [mesh.moved(bone=last, part=_SURROUNDINGS) for mesh in static]
        rotations.append(np.tile(np.eye(3), (len(seconds), 1, 1, 1)))
        origins.append(np.zeros((len(seconds), 1, 3)))
    return Scene(
        num_frames=num_frames,
        num_actors=len(actors),
        num_persons=len(people),
        _mesh=join(meshes),
        _rotations=np.concatenate(rotations, axis=1),
        _origins=np.concatenate(origins, axis=1),
        _keypoints=np.stack(
            [actor.body.keypoints(bones) for (actor, _), bones in zip(people, placed, strict=True)], axis=1
        ),
        _things=tuple(things),
        _camera=camera,
        _shake=draw_shake(
            num_frames, float(of_view.choice([0.0, 0.5, 1.0])) + (plan.camera == 3) * 0.5, of_view
        ),
        _place=place,
        _light=draw_light(num_frames, plan.condition, of_light),
    )


def _subject_dice(seed: int, subject: int, what: int) -> np.random.Generator:
    return np.random.default_rng((seed, 1, subject, what))


def _actor(seed: int, subject: int) -> Actor:
    dice = _subject_dice(seed, subject, 0)
    body = Body(
        height=float(np.clip(dice.normal(1.71, 0.09), 1.48, 1.95)), build=float(dice.uniform(0.85, 1.25))
    )
    style = Style(
        speed=float(dice.uniform(0.8, 1.25)),
        size=float(dice.uniform(0.85, 1.15)),
        stoop=float(dice.uniform(-2, 9)),
        arms_out=float(dice.uniform(6, 14)),
        stance=float(dice.uniform(1, 6)),
        handed="l" if subject % 5 == 4 else "r",  # one of five in either split
    )
    return Actor(body, style)


def _camera(plan: ClipPlan, num_actors: int, dice: np.random.Generator) -> Camera:
    """Return the camera: 1 in front, 2 from the side, 3 from above; a pair is seen from beside its line."""
    azimuth, spread = {1: (0.0, 0.35), 2: (0.9, 0.3), 3: (0.0, 0.8)}[plan.camera]
    elevation = dice.uniform(*{1: (0.0, 0.2), 2: (0.05, 0.35), 3: (0.55, 1.05)}[plan.camera])
    azimuth = azimuth * dice.choice([-1, 1]) + dice.uniform(-spread, spread)
    if num_actors == 2:
        azimuth = np.pi / 2 + azimuth * 0.6
    person_px = dice.uniform(*{1: (110, 215), 2: (110, 205), 3: (105, 180)}[plan.camera])
    distance = 1.7 * _FOCAL_PX / person_px
    target = np.array([*dice.uniform(-0.25, 0.25, 2), 0.92])
    return look_at(
        target,
        azimuth=float(azimuth),
        elevation=float(elevation),
        distance=float(distance),
        focal_px=_FOCAL_PX,
        wh=WH,
    )


def _starts(num_actors: int, apart: float, dice: np.random.Generator) -> list[tuple[Floats, float]]:
    """Return where the actors stand (2,) and where they look, radians."""
    if num_actors == 1:
        return [(np.zeros(2), float(dice.uniform(-0.35, 0.35)))]
    return [(np.array([-apart / 2, 0.0]), 0.0), (np.array([apart / 2, 0.0]), np.pi)]


def _aside(camera: Camera, dice: np.random.Generator) -> tuple[Floats, float]:
    """Return a place behind the actors, seen beside them."""
    away = np.arctan2(-camera.place[1], -camera.place[0]) + dice.choice([-1, 1]) * dice.uniform(0.35, 0.9)
    return dice.uniform(1.8, 3.0) * np.array([np.cos(away), np.sin(away)]), float(dice.uniform(0, 2 * np.pi))


def _place_person(actor: Actor, movement: Movement, start: tuple[Floats, float], seconds: Floats) -> Placed:
    place, heading = start
    way = values_at(movement.position_xy, seconds)
    turn = np.array([[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]])
    return actor.body.place(
        turns_at(movement.keys, seconds),
        heading=np.full(len(seconds), heading),
        position_xy=place + way @ turn.T,
        lift=values_at(movement.lift, seconds)[:, 0],
        support=movement.support,
    )


def _shifted(figure: Mesh, bones: int, parts: int) -> Mesh:
    return Mesh(figure.corners, figure.colours, figure.bones + bones, figure.parts + np.uint8(parts))


def _carry(held: Held, placed: list[Placed], actors: list[Actor], seconds: Floats) -> tuple[Floats, Floats]:
    """Return an object's rotations (T, 3, 3) and places (T, 3)."""
    chest, head = BONES.index("chest"), BONES.index("head")
    turns, points = np.empty((len(seconds), 3, 3)), np.empty((len(seconds), 3))
    for moment, second in enumerate(seconds):
        who, _, where = place_of(held, float(second)).partition(":")
        bones, height = placed[int(who)], actors[int(who)].body.height
        rotation, origin = bones.rotations[moment], bones.origins[moment]
        if where == "head":
            turns[moment] = rotation[head]
            points[moment] = origin[head] + rotation[head] @ np.multiply((0.004, 0, 0.105), height)
            continue
        palms = {
            side: origin[hand] + rotation[hand] @ np.multiply((0.012, 0, -PALM), height)
            for side in SIDES
            for hand in [BONES.index(f"{side}_hand")]
        }
        if where == "both":
            turns[moment] = rotation[chest] @ _LEANING
            points[moment] = (palms["l"] + palms["r"]) / 2 + turns[moment] @ np.array([-0.01, 0, 0.05])
        else:
            # what is held stays upright; beside the head its face is to the head
            turns[moment] = rotation[chest] @ _TURNED[where]
            points[moment] = palms[where] + turns[moment] @ np.array([0.0, 0, 0.02])
    return turns, points


_LEANING = Rotation.from_euler("y", 40, degrees=True).as_matrix()
_TURNED = {
    side: Rotation.from_euler("z", 55 * sign, degrees=True).as_matrix() for side, sign in SIDES.items()
}


def _distractors(plan: ClipPlan, actors: list[Actor], dice: np.random.Generator) -> list[Held]:
    """Return objects that say nothing: in the hand that rests, or a hat that was there before."""
    others = []
    if plan.action in _ONE_HANDED and dice.random() < 0.45:
        others.append(Held(str(dice.choice(IN_ONE_HAND)), ((0.0, f"0:{actors[0].style.other_hand}"),)))
    if plan.action not in _BARE_HEADED and dice.random() < 0.2:
        others.append(Held("hat", ((0.0, "0:head"),)))
    return others


def _lying(camera: Camera, act: Act, dice: np.random.Generator) -> tuple[list[Mesh], list[tuple[str, Mesh]]]:
    """Return a table or none, and objects on it or on the ground, beside the actors, not before them."""
    if dice.random() < 0.4:
        return [], []
    height = 0.0 if dice.random() < 0.5 else float(dice.uniform(0.6, 0.8))
    turn = np.arctan2(-camera.place[1], -camera.place[0]) + dice.choice([-1, 1]) * dice.uniform(0.8, 1.5)
    distance = dice.uniform(0.7, 0.9) + act.metres_apart / 2
    middle = np.array([distance * np.cos(turn), distance * np.sin(turn), height])
    table = []
    if height:
        colour = plain(dice.uniform(0.2, 0.8, 3))
        table.append(box((middle[0], middle[1], height / 2), (0.5, 0.45, height), colour, pieces=4))
    things = []
    for name in dice.choice(list(OBJECTS), int(dice.integers(1, 4)), replace=False):
        thing = OBJECTS[name](dice)
        lying = thing.corners @ Rotation.from_euler("zy", dice.uniform(0, 90, 2), degrees=True).as_matrix().T
        lying += middle + np.array([*dice.uniform(-0.18, 0.18, 2), 0.01 - lying[..., 2].min()])
        things.append((str(name), Mesh(lying, thing.colours, thing.bones, thing.parts)))
    return table, things


def _obstacle(camera: Camera, dice: np.random.Generator) -> Mesh:
    """Return a column or a low wall between the camera and the actors."""
    to_camera = camera.place[:2] / np.linalg.norm(camera.place[:2])
    across = np.array([-to_camera[1], to_camera[0]])
    middle = to_camera * dice.uniform(0.8, 1.3) + across * dice.uniform(-0.25, 0.25)
    colour = plain(dice.uniform(0.1, 0.8, 3))
    if dice.random() < 0.5:
        column = limb(2.6, 0.11, 0.11, colour, rings=14)
        return Mesh(column.corners + np.array([*middle, 2.6]), column.colours, column.bones, column.parts)
    high = dice.uniform(0.5, 0.95)
    wall = box((0, 0, high / 2), (0.12, 1.6, high), colour, pieces=6)
    turn = Rotation.from_euler("z", np.arctan2(to_camera[1], to_camera[0])).as_matrix()
    return Mesh(wall.corners @ turn.T + [*middle, 0], wall.colours, wall.bones, wall.parts)
