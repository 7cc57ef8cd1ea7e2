"""A human body of given height: bones, joints, and where they are when the joints are turned.

A frame of the body has x forward, y to the left, z up; lengths are metres. Segment lengths are fractions of
the body's height (Winter, Biomechanics and Motor Control of Human Movement, figure 4.1, after Drillis and
Contini); shoulders and hips are a bit narrower there than the outside of the limbs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Floats = npt.NDArray[np.float64]

BONES = (
    "pelvis", "chest", "head",
    "l_upper_arm", "l_forearm", "l_hand", "r_upper_arm", "r_forearm", "r_hand",
    "l_thigh", "l_shank", "l_foot", "r_thigh", "r_shank", "r_foot",
)  # fmt: skip
# what can be turned; a joint turns the bone of the same number, and all that hangs on it
JOINTS = (
    "root", "spine", "neck",
    "l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist",
    "l_hip", "l_knee", "l_ankle", "r_hip", "r_knee", "r_ankle",
)  # fmt: skip
SIDES = {"l": 1.0, "r": -1.0}  # y of the left is positive

# fractions of the height
_HIP, _WAIST, _SHOULDER, _CHIN = 0.530, 0.600, 0.818, 0.870
_HALF_HIPS, _HALF_SHOULDERS = 0.062, 0.110
_UPPER_ARM, _FOREARM, _THIGH, _SHANK, _ANKLE = 0.186, 0.146, 0.245, 0.246, 0.039
PALM = 0.050  # from the wrist
# in the frame of the head
FACE = {
    "nose": (0.064, 0.0, 0.050),
    "left_eye": (0.053, 0.019, 0.071),
    "right_eye": (0.053, -0.019, 0.071),
    "left_ear": (0.002, 0.046, 0.058),
    "right_ear": (0.002, -0.046, 0.058),
}
KEYPOINTS = (
    *FACE,
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip  # COCO's order
_KEYPOINT_BONES = {  # a keypoint is the origin of a bone
    "shoulder": "upper_arm", "elbow": "forearm", "wrist": "hand",
    "hip": "thigh", "knee": "shank", "ankle": "foot",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placed:
    """Bones in the world, for each moment.

    Args:
        rotations: (T, 15, 3, 3), bone to world.
        origins: (T, 15, 3) metres, where the bones begin.
    """

    rotations: Floats
    origins: Floats


@dataclass(frozen=True, slots=True)
class Body:
    """A body's lengths.

    Args:
        height: metres.
        build: thickness of limbs and trunk; 1 is average.
    """

    height: float
    build: float

    def place(
        self,
        turns: Mapping[str, Rotation],
        *,
        heading: Floats,
        position_xy: Floats,
        lift: Floats,
        support: str,
    ) -> Placed:
        """Turn the joints and put the body on the ground.

        Args:
            turns: joint -> T rotations; a joint that is missing is straight.
            heading: (T,) radians about the world's z.
            position_xy: (T, 2) metres, where the support is.
            lift: (T,) metres of the lowest foot above the ground.
            support: "both", "l" or "r": the feet whose place is kept.
        """
        num_moments = len(heading)
        straight = Rotation.identity(num_moments)
        rotations: dict[str, Rotation] = {}
        origins: dict[str, Floats] = {}

        def hang(bone: str, parent: str, offset: tuple[float, float, float]) -> None:
            turn = turns.get(JOINTS[BONES.index(bone)], straight)
            rotations[bone] = rotations[parent] * turn
            origins[bone] = origins[parent] + rotations[parent].apply(np.multiply(offset, self.height))

        upright = Rotation.from_rotvec(heading[:, None] * [0.0, 0.0, 1.0])
        rotations["pelvis"] = upright * turns.get("root", straight)
        origins["pelvis"] = np.zeros((num_moments, 3))
        hang("chest", "pelvis", (0, 0, _WAIST - _HIP))
        hang("head", "chest", (0, 0, _CHIN - _WAIST))
        for side, sign in SIDES.items():
            hang(f"{side}_upper_arm", "chest", (0, sign * _HALF_SHOULDERS, _SHOULDER - _WAIST))
            hang(f"{side}_forearm", f"{side}_upper_arm", (0, 0, -_UPPER_ARM))
            hang(f"{side}_hand", f"{side}_forearm", (0, 0, -_FOREARM))
            hang(f"{side}_thigh", "pelvis", (0, sign * _HALF_HIPS, 0))
            hang(f"{side}_shank", f"{side}_thigh", (0, 0, -_THIGH))
            hang(f"{side}_foot", f"{side}_shank", (0, 0, -_SHANK))
            rotations[f"{side}_foot"] = upright * turns.get(f"{side}_ankle", straight)  # feet stay flat
        feet = np.stack([origins["l_foot"], origins["r_foot"]])
        standing = {"both": feet.mean(0), "l": feet[0], "r": feet[1]}[support]
        ground = np.concatenate(
            [position_xy - standing[:, :2], (self.height * _ANKLE + lift - feet[..., 2].min(0))[:, None]],
            axis=1,
        )
        return Placed(
            np.stack([rotations[bone].as_matrix() for bone in BONES], axis=1),
            np.stack([origins[bone] + ground for bone in BONES], axis=1),
        )

    def keypoints(self, placed: Placed) -> Floats:
        """Return COCO's 17 keypoints, (T, 17, 3) metres in the world."""
        head = BONES.index("head")
        points = [
            placed.origins[:, head] + placed.rotations[:, head] @ np.multiply(place, self.height)
            for place in FACE.values()
        ]
        for name in KEYPOINTS[len(FACE) :]:
            side, _, joint = name.partition("_")
            points.append(placed.origins[:, BONES.index(f"{side[0]}_{_KEYPOINT_BONES[joint]}")])
        return np.stack(points, axis=1)

    def reach(self, side: str, target: Floats, *, swivel: float = 0.0) -> dict[str, Rotation]:
        """Return the turns of shoulder and elbow that bring the wrist to a point.

        Args:
            side: "l" or "r".
            target: (3,) metres in the frame of the chest, whose origin is the waist; what is out of reach is
                pointed at.
            swivel: how far the elbow is lifted outwards: 0 is hanging down, 1.5 about level.
        """
        sign = SIDES[side]
        upper, lower = _UPPER_ARM * self.height, _FOREARM * self.height
        shoulder = np.array([0, sign * _HALF_SHOULDERS, _SHOULDER - _WAIST]) * self.height
        way = target - shoulder
        distance = float(np.clip(np.linalg.norm(way), upper - lower + 0.02, upper + lower - 0.002))
        way = way / np.linalg.norm(way)
        # the elbow lies on a circle about the line from shoulder to wrist; it hangs down, and a bit outwards
        side_way = np.array([-0.25, sign * (0.3 + 1.2 * swivel), 0.6 * swivel - 1.0])
        side_way -= way * (side_way @ way)
        side_way /= np.linalg.norm(side_way)
        along = (upper**2 - lower**2 + distance**2) / (2 * distance)
        elbow = along * way + np.sqrt(upper**2 - along**2) * side_way
        upper_direction = elbow / upper
        fore_direction = (distance * way - elbow) / lower
        bend = float(np.arccos(np.clip(upper_direction @ fore_direction, -1, 1)))
        z = -upper_direction
        x = fore_direction - upper_direction * (upper_direction @ fore_direction)
        x /= np.linalg.norm(x)
        return {
            f"{side}_shoulder": Rotation.from_matrix(np.stack([x, np.cross(z, x), z], axis=1)),
            f"{side}_elbow": Rotation.from_rotvec([0.0, -bend, 0.0]),
        }

    def chest_point(self, x: float, y: float, z: float) -> Floats:
        """Return a point given as fractions of the height, z from the ground, in the frame of the chest."""
        return np.array([x, y, z - _WAIST]) * self.height
