"""What people do: each action's joint angles in time, its object, and who stands where.

Three kinds. Pose tells the first apart. The classes of one group of the second kind draw their movement from
the very same function, so only what is in the hand or on the head tells them apart. In the third, two persons
act on each other; person 0 begins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from scripts.demo_videos.body import SIDES, Body
from scripts.demo_videos.motion import Keys, Pose, about

Still = tuple[tuple[float, tuple[float, ...]], ...]
_STILL_XY: Still = ((0.0, (0.0, 0.0)),)
_ON_THE_GROUND: Still = ((0.0, (0.0,)),)


@dataclass(frozen=True, slots=True)
class Style:
    """How a subject moves.

    Args:
        speed: 1 is average.
        size: of movements; 1 is average.
        stoop: degrees that the back leans forward.
        arms_out: degrees that arms hang away from the body.
        stance: degrees that each leg stands to its side.
        handed: "l" or "r", the hand that acts.
    """

    speed: float
    size: float
    stoop: float
    arms_out: float
    stance: float
    handed: str

    @property
    def other_hand(self) -> str:
        """The hand that rests."""
        return "l" if self.handed == "r" else "r"


@dataclass(frozen=True, slots=True)
class Held:
    """An object's way through the clip.

    Args:
        name: of objects.py.
        places: (second, place) in order of time; a place is "l" or "r" (a hand), "both" (hands) or "head",
            with the person's number before it: "0:r".
    """

    name: str
    places: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Movement:
    """One person's movement.

    Args:
        keys: poses in time.
        position_xy: (second, metres) of the feet from where they stand at first, x forward.
        lift: (second, metres) of the lowest foot above the ground.
        support: "both", "l" or "r": the feet that keep their place.
    """

    keys: Keys
    position_xy: tuple[tuple[float, tuple[float, ...]], ...] = _STILL_XY
    lift: tuple[tuple[float, tuple[float, ...]], ...] = _ON_THE_GROUND
    support: str = "both"


@dataclass(frozen=True, slots=True)
class Act:
    """What happens in a clip.

    Args:
        seconds: how long.
        movements: one per person.
        held: what the persons have in their hands or on their heads.
        metres_apart: of two persons who face each other.
    """

    seconds: float
    movements: tuple[Movement, ...]
    held: tuple[Held, ...] = ()
    metres_apart: float = 0.0


@dataclass(frozen=True, slots=True)
class Actor:
    """A body and how it moves."""

    body: Body
    style: Style


def rest(actor: Actor) -> dict[str, Rotation]:
    """Return the pose of somebody who stands."""
    style = actor.style
    pose: dict[str, Rotation] = {"spine": about("y", style.stoop), "neck": about("y", -style.stoop * 0.7)}
    for side, sign in SIDES.items():
        pose[f"{side}_shoulder"] = about("x", sign * style.arms_out) * about("y", -4)
        pose[f"{side}_elbow"] = about("y", -12)
        pose[f"{side}_wrist"] = about("y", 0)
        pose[f"{side}_hip"] = about("x", sign * style.stance)
        pose[f"{side}_knee"] = about("y", 2)
    return pose


def _posed(actor: Actor, **changes: Rotation) -> dict[str, Rotation]:
    return rest(actor) | changes


def _wave(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    (actor,) = actors
    style, body = actor.style, actor.body
    hand = style.handed
    sign = SIDES[hand]
    up = body.reach(hand, body.chest_point(0.12, sign * 0.26, 0.98), swivel=0.9)
    keys: list[tuple[float, Pose]] = [(0.0, _posed(actor)), (0.25, _posed(actor)), (0.8, _posed(actor, **up))]
    swing, second = 28 * style.size, 0.8
    for count in range(6):
        second += 0.22 / style.speed
        to = swing if count % 2 else -swing
        keys.append((second, {f"{hand}_shoulder": up[f"{hand}_shoulder"] * about("x", to * 0.6)} | {
            f"{hand}_elbow": about("x", to * 0.5) * up[f"{hand}_elbow"]
        }))  # fmt: skip
    keys += [(second + 0.5, _posed(actor))]
    return Act(second + 0.7, (Movement(keys),))


def _clap(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    (actor,) = actors
    body, style = actor.body, actor.style
    height = dice.uniform(0.68, 0.78)

    def hands(apart: float) -> dict[str, Rotation]:
        reach: dict[str, Rotation] = {}
        for side, sign in SIDES.items():
            reach |= body.reach(side, body.chest_point(0.19, sign * (0.005 + apart), height), swivel=0.4)
        return reach

    keys: list[tuple[float, Pose]] = [(0.0, _posed(actor)), (0.5, _posed(actor, **hands(0.14 * style.size)))]
    second = 0.5
    for count in range(int(dice.integers(4, 7))):
        second += 0.18 / style.speed
        keys.append((second, hands(0.0)))
        second += 0.2 / style.speed
        keys.append((second, hands((0.12 + 0.02 * (count % 2)) * style.size)))
    return Act(second + 0.6, (Movement([*keys, (second + 0.45, _posed(actor))]),))


def _squat(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    (actor,) = actors
    style, body = actor.style, actor.body
    deep = 1.0 * min(style.size, 1.08)
    down: dict[str, Rotation] = {
        "spine": about("y", 32 * deep),
        "neck": about("y", -24),
        "root": about("y", 12),
    }
    for side, sign in SIDES.items():
        down[f"{side}_hip"] = about("x", sign * 14) * about("y", -105 * deep)
        down[f"{side}_knee"] = about("y", 118 * deep)
        down |= body.reach(side, body.chest_point(0.27, sign * 0.07, 0.80), swivel=0.2)
    half = 0.65 / style.speed
    keys: list[tuple[float, Pose]] = [(0.0, _posed(actor)), (0.2, _posed(actor))]
    second = 0.2
    for _ in range(2):
        keys += [(second + half, down), (second + 2 * half, _posed(actor))]
        second += 2 * half
    return Act(second + 0.15, (Movement(keys),))


def _jump(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    (actor,) = actors
    style, body = actor.style, actor.body
    crouch: dict[str, Rotation] = {"spine": about("y", 24), "neck": about("y", -10), "root": about("y", 6)}
    air: dict[str, Rotation] = {"spine": about("y", 0), "neck": about("y", 5), "root": about("y", 0)}
    for side, sign in SIDES.items():
        crouch[f"{side}_hip"], crouch[f"{side}_knee"] = about("y", -55), about("y", 75)
        crouch[f"{side}_shoulder"] = about("x", sign * 12) * about("y", 38 * style.size)
        air[f"{side}_hip"], air[f"{side}_knee"] = about("y", -6), about("y", 14)
        air[f"{side}_ankle"] = about("y", 45)
        crouch[f"{side}_ankle"] = about("y", 0)
        air |= body.reach(side, body.chest_point(0.12, sign * 0.16, 1.12), swivel=0.5)
    keys: list[tuple[float, Pose]] = [(0.0, _posed(actor))]
    lift: list[tuple[float, tuple[float, ...]]] = [(0.0, (0.0,))]
    second = 0.15
    for _ in range(2):
        leave, top, land = (second + step for step in (0.42, 0.62, 0.82))
        keys += [(leave, crouch), (top, air), (land + 0.08, crouch), (land + 0.38, _posed(actor, **_flat()))]
        lift += [(leave, (0.0,)), (top, (0.28 * style.size,)), (land, (0.0,))]
        second = land + 0.4
    return Act(second + 0.1, (Movement(keys, lift=tuple(lift)),))


def _flat() -> dict[str, Rotation]:
    return {f"{side}_ankle": about("y", 0) for side in SIDES}


def _kick(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    (actor,) = actors
    style = actor.style
    foot = style.handed
    stand = style.other_hand
    back = _posed(actor, **{
        f"{foot}_hip": about("y", 28), f"{foot}_knee": about("y", 62), f"{foot}_ankle": about("y", 30),
        f"{stand}_shoulder": about("y", -30) * about("x", SIDES[stand] * 20), "spine": about("y", 8),
    })  # fmt: skip
    out = _posed(actor, **{
        f"{foot}_hip": about("y", -68 * style.size), f"{foot}_knee": about("y", 8),
        f"{foot}_ankle": about("y", -50), "spine": about("y", -10), f"{stand}_shoulder": about("y", 25),
        f"{foot}_shoulder": about("y", -35) * about("x", SIDES[foot] * 25),
    })  # fmt: skip
    keys: list[tuple[float, Pose]] = [(0.0, _posed(actor, **_flat()))]
    second = 0.2
    for _ in range(2):
        keys += [
            (second + 0.35, back), (second + 0.62 / style.speed**0.5, out),
            (second + 1.05, _posed(actor, **_flat())),
        ]  # fmt: skip
        second += 1.1
    return Act(second + 0.1, (Movement(keys, support=stand),))


def _hand_to_face(thing: str) -> Callable[[tuple[Actor, ...], np.random.Generator], Act]:
    """Something is brought to the side of the face, moved a little there, and lowered."""

    def act(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
        (actor,) = actors
        style, body = actor.style, actor.body
        hand, sign = style.handed, SIDES[style.handed]
        forward, out = dice.uniform(0.055, 0.095), sign * dice.uniform(0.045, 0.075)
        up, swivel = dice.uniform(0.855, 0.895), dice.uniform(0.1, 0.7)
        to_face = _posed(actor, **body.reach(hand, body.chest_point(forward, out, up), swivel=swivel)) | {
            "neck": about("y", dice.uniform(-4, 8)) * about("z", sign * dice.uniform(-4, 12)),
            f"{hand}_wrist": about("y", -65),  # the hand bends towards the face
        }
        keys: list[tuple[float, Pose]] = [(0.0, _posed(actor)), (0.2, _posed(actor))]
        second = 0.2 + 0.65 / style.speed
        keys.append((second, to_face))
        for _ in range(int(dice.integers(1, 4))):
            second += 0.3 / style.speed
            step = dice.uniform(-0.018, 0.018, 3) * style.size
            place = body.chest_point(forward + step[0], out + step[1], up + step[2])
            keys.append((second, body.reach(hand, place, swivel=swivel)))
        keys += [(second + 0.7 / style.speed, _posed(actor))]
        return Act(second + 0.9, (Movement(keys),), (Held(thing, ((0.0, f"0:{hand}"),)),))

    return act


def _before_the_chest(thing: str) -> Callable[[tuple[Actor, ...], np.random.Generator], Act]:
    """Something is held up with both hands and looked at; a hand moves on it now and then."""

    def act(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
        (actor,) = actors
        style, body = actor.style, actor.body
        hand = style.handed
        forward, up = dice.uniform(0.17, 0.21), dice.uniform(0.66, 0.73)

        def hold(step: float) -> dict[str, Rotation]:
            reach: dict[str, Rotation] = {}
            for side, sign in SIDES.items():
                lift = step if side == hand else 0.0
                point = body.chest_point(forward - lift * 0.3, sign * (0.062 - lift * 0.5), up + lift)
                reach |= body.reach(side, point, swivel=0.15)
            return reach

        look = {"neck": about("y", dice.uniform(18, 30)), "spine": about("y", style.stoop + 3)}
        keys: list[tuple[float, Pose]] = [
            (0.0, _posed(actor, **hold(0.0))),
            (0.5, _posed(actor, **hold(0.0), **look)),
        ]
        second = 0.5
        for _ in range(int(dice.integers(2, 4))):
            second += 0.35 / style.speed
            keys.append((second, hold(dice.uniform(0.015, 0.04) * style.size)))
            second += 0.3 / style.speed
            keys.append((second, hold(0.0) | {"neck": about("y", dice.uniform(16, 32))}))
        return Act(second + 0.3, (Movement(keys),), (Held(thing, ((0.0, "0:both"),)),))

    return act


def _hand_to_crown(thing: str | None) -> Callable[[tuple[Actor, ...], np.random.Generator], Act]:
    """A hand goes to the top of the head, moves there, and comes down."""

    def act(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
        (actor,) = actors
        style, body = actor.style, actor.body
        hand, sign = style.handed, SIDES[style.handed]
        swivel = dice.uniform(0.7, 1.3)

        def crown(x: float, y: float, z: float) -> dict[str, Rotation]:
            return body.reach(hand, body.chest_point(0.035 + x, sign * (0.055 + y), 1.0 + z), swivel=swivel)

        keys: list[tuple[float, Pose]] = [(0.0, _posed(actor)), (0.2, _posed(actor))]
        arrive = second = 0.2 + 0.75 / style.speed
        keys.append((second, _posed(actor, **crown(0, 0, 0), neck=about("y", dice.uniform(0, 12)))))
        for _ in range(int(dice.integers(2, 5))):
            second += 0.2 / style.speed
            keys.append((second, crown(*(dice.uniform(-0.016, 0.016, 3) * style.size))))
        keys += [(second + 0.7 / style.speed, _posed(actor))]
        held = (Held(thing, ((0.0, f"0:{hand}"), (arrive, "0:head"))),) if thing else ()
        return Act(second + 0.9, (Movement(keys),), held)

    return act


def _handshake(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    movements = []
    apart = dice.uniform(0.78, 0.92)
    level = min(actor.body.height for actor in actors) * 0.60
    shakes, begin = int(dice.integers(3, 5)), 0.75 / actors[0].style.speed
    for number, actor in enumerate(actors):
        body = actor.body

        def clasp(lift: float, body: Body = body) -> dict[str, Rotation]:
            point = np.array([apart / 2 - 0.055 * body.height, -0.01, level + lift - 0.6 * body.height])
            return body.reach("r", point, swivel=0.1)

        start = 0.15 + 0.12 * number
        keys: list[tuple[float, Pose]] = [(0.0, _posed(actor)), (start, _posed(actor))]
        keys.append((begin + 0.2, _posed(actor, **clasp(0.0)) | {"spine": about("y", actor.style.stoop + 6)}))
        second = begin + 0.2
        for count in range(2 * shakes):
            second += 0.15 / actors[0].style.speed
            keys.append((second, clasp(0.055 if count % 2 == 0 else -0.045)))
        keys += [(second + 0.55, _posed(actor))]
        movements.append(Movement(keys))
    return Act(second + 0.7, tuple(movements), metres_apart=apart)


def _push(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    first, second = actors
    apart = dice.uniform(0.72, 0.86)
    hit = 0.85 / first.style.speed
    level = second.body.height * 0.74

    def hands(x: float) -> dict[str, Rotation]:
        reach: dict[str, Rotation] = {}
        for side, sign in SIDES.items():
            point = np.array([x, sign * 0.11, level - 0.6 * first.body.height])
            reach |= first.body.reach(side, point, swivel=0.6)
        return reach

    pushing = [
        (0.0, _posed(first)), (0.25, _posed(first)), (hit - 0.2, _posed(first, **hands(0.2))),
        (hit, _posed(first, **hands(apart - 0.1), spine=about("y", 16))),
        (hit + 0.3, _posed(first, **hands(apart * 0.9), spine=about("y", 20))), (hit + 0.9, _posed(first)),
    ]  # fmt: skip
    fall = dice.uniform(0.3, 0.5) * second.style.size
    thrown = {f"{side}_shoulder": about("x", sign * 35) * about("y", -40) for side, sign in SIDES.items()}
    leg = {"r_hip": about("y", 22), "r_knee": about("y", 18), "l_hip": about("y", -18)}
    pushed = [
        (0.0, _posed(second)), (hit - 0.03, _posed(second)),
        (hit + 0.3, _posed(second, **thrown, **leg, spine=about("y", -18), neck=about("y", 12))),
        (hit + 0.75, _posed(second, spine=about("y", 8), l_hip=about("y", 10), r_hip=about("y", -12))),
        (hit + 1.15, _posed(second)),
    ]  # fmt: skip
    back = ((0.0, (0.0, 0.0)), (hit, (0.0, 0.0)), (hit + 0.75, (-fall, 0.0)))
    step = ((0.0, (0.0, 0.0)), (hit - 0.2, (0.0, 0.0)), (hit + 0.15, (0.10, 0.0)))
    return Act(hit + 1.3, (Movement(pushing, step), Movement(pushed, back)), metres_apart=apart)


def _hand_over(actors: tuple[Actor, ...], dice: np.random.Generator) -> Act:
    giver, taker = actors
    apart = dice.uniform(0.78, 0.92)
    level = min(actor.body.height for actor in actors) * dice.uniform(0.6, 0.68)
    meet = 0.85 / giver.style.speed

    def out(body: Body) -> dict[str, Rotation]:
        point = np.array([apart / 2 - 0.07 * body.height, -0.05 * body.height, level - 0.6 * body.height])
        return body.reach("r", point, swivel=0.1)

    def near(body: Body) -> dict[str, Rotation]:
        return body.reach("r", body.chest_point(0.16, -0.11, 0.62), swivel=0.1)

    give = [
        (0.0, _posed(giver, **near(giver.body))), (0.2, _posed(giver, **near(giver.body))),
        (meet, _posed(giver, **out(giver.body), spine=about("y", giver.style.stoop + 6))),
        (meet + 0.3, out(giver.body)), (meet + 0.95, _posed(giver)),
    ]  # fmt: skip
    take = [
        (0.0, _posed(taker)), (0.35, _posed(taker)),
        (meet + 0.1, _posed(taker, **out(taker.body), spine=about("y", taker.style.stoop + 6))),
        (meet + 0.3, out(taker.body)), (meet + 0.85, _posed(taker, **near(taker.body))),
    ]  # fmt: skip
    parcel = Held("parcel", ((0.0, "0:r"), (meet + 0.2, "1:r")))
    return Act(meet + 1.2, (Movement(give), Movement(take)), (parcel,), metres_apart=apart)


@dataclass(frozen=True, slots=True)
class Action:
    """A class of the demo.

    Args:
        act: (one actor or two, dice) -> what happens.
        num_persons: one or two.
        movement: what is done; classes with the same one differ in the object alone.
    """

    act: Callable[[tuple[Actor, ...], np.random.Generator], Act]
    num_persons: int
    movement: str


ACTIONS: Mapping[str, Action] = {
    "wave": Action(_wave, 1, "wave"),
    "clap": Action(_clap, 1, "clap"),
    "squat": Action(_squat, 1, "squat"),
    "jump": Action(_jump, 1, "jump"),
    "kick": Action(_kick, 1, "kick"),
    "drink": Action(_hand_to_face("cup"), 1, "hand to face"),
    "phone_call": Action(_hand_to_face("phone"), 1, "hand to face"),
    "brush_hair": Action(_hand_to_face("brush"), 1, "hand to face"),
    "read_book": Action(_before_the_chest("book"), 1, "before the chest"),
    "use_tablet": Action(_before_the_chest("tablet"), 1, "before the chest"),
    "put_on_hat": Action(_hand_to_crown("hat"), 1, "hand to crown"),
    "scratch_head": Action(_hand_to_crown(None), 1, "hand to crown"),
    "handshake": Action(_handshake, 2, "handshake"),
    "push": Action(_push, 2, "push"),
    "hand_over": Action(_hand_over, 2, "hand over"),
}


def idle(actor: Actor, seconds: float, dice: np.random.Generator) -> Movement:
    """Return the movement of a bystander, who shifts a little."""
    keys: list[tuple[float, Pose]] = [(0.0, _posed(actor))]
    for second in np.linspace(0, seconds, 4)[1:]:
        sway = dice.uniform(-4, 4, 3)
        keys.append((float(second), _posed(actor, spine=about("y", sway[0]), neck=about("z", 5 * sway[1]))))
    return Movement(keys)


def place_of(held: Held, second: float) -> str:
    """Return where an object is at a moment."""
    return [place for since, place in held.places if since <= second][-1]
