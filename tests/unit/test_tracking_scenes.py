"""How often identities are lost in made scenes; what is counted is said in ``tests/made_scenes.py``."""

import pytest

from tests.made_scenes import Flaws, Pillar, Walker, follow, make_scene

PERFECT, CUT, SHAKY = Flaws(), Flaws(cut=True), Flaws(jitter=0.02, cut=True)
POOR = Flaws(missed=0.1, jitter=0.02, doubled=0.1, cut=True)
RATES = (10, 15, 25, 30, 60)


def crossing(speed: float, other_speed: float, *, height: float = 100, other_height: float = 100):
    return {
        "ann": Walker([(0, -2 * speed), (4, 2 * speed)], height, depth=0),
        "ben": Walker([(0, 2 * other_speed), (4, -2 * other_speed)], other_height, depth=1),
    }


def standing(third: Walker):
    return {
        "ann": Walker([(0, 0), (6, 0)], depth=1),
        "ben": Walker([(0, 80), (6, 80)], depth=2),
        "cat": third,
    }


def hugging(third: Walker | None = None):
    pair = {
        "ann": Walker([(0, -100), (2, -12), (4, -12), (6, -100)], depth=1),
        "ben": Walker([(0, 100), (2, 12), (4, 12), (6, 100)], depth=2),
    }
    return pair if third is None else pair | {"cat": third}


def behind(stop: float, goes_to: float):
    ben = Walker([(0, 160), (2, 0), (2 + stop, 0), (4 + stop, goes_to)], depth=1)
    return {"ann": Walker([(0, 0), (4 + stop, 0)], depth=0), "ben": ben}


KEPT = {
    "slow crossing": (crossing(40, 40), 4),
    "crossing": (crossing(80, 80), 4),
    "unequal speeds": (crossing(80, 150), 4),
    "running": (crossing(150, 150), 4),
    "child in front": (crossing(80, 80, height=60), 4),
    "child behind": (crossing(80, 80, other_height=60), 4),
    "far behind": (crossing(80, 80, other_height=75), 4),
    "overtaking": ({"ann": Walker([(0, 0), (4, 160)], depth=0), "ben": Walker([(0, -200), (4, 400)])}, 4),
    "behind one who stands": (behind(0, -160), 4),
    "back after 1 s behind": (behind(1, 160), 5),
    "back after 3 s behind": (behind(3, 160), 7),
    "hug": (hugging(), 6),
    "third in front": (standing(Walker([(1, -200), (6, 200)], depth=0)), 6),
    "third behind": (standing(Walker([(1, -200), (6, 200)], depth=3)), 6),
    "tall third in front": (standing(Walker([(1, -250), (5, 350)], 130, depth=0)), 6),
    "small third behind": (standing(Walker([(1, -250), (5, 350)], 75, depth=3)), 6),
    "third past a hug": (hugging(Walker([(1, -200), (5, 200)], depth=0)), 6),
}


def count(scene, flaws=PERFECT, *, rates=RATES, seeds=1, pillars=()):
    """(switches, clips in which a slot ever shows two people) over frame rates and seeds."""
    people, seconds = scene
    outcomes = [
        follow(make_scene(people, seconds=seconds, fps=fps, flaws=flaws, pillars=pillars, seed=seed))
        for fps in rates
        for seed in range(seeds)
    ]
    return sum(o.switches for o in outcomes), sum(o.switches > 0 or o.strangers > 0 for o in outcomes)


@pytest.mark.parametrize("name", KEPT)
def test_identities_are_kept_by_a_good_detector(name):
    assert count(KEPT[name], rates=(10, 30)) == (0, 0)
    assert count(KEPT[name], CUT) == (0, 0)


@pytest.mark.parametrize("name", [name for name in KEPT if name != "third behind"])
def test_identities_are_kept_while_boxes_shake(name):
    assert count(KEPT[name], SHAKY, rates=(10, 30), seeds=2) == (0, 0)


# 10 % are missed, 10 % doubled, and boxes shake and are cut; six clips each.
@pytest.mark.parametrize(
    ("name", "switches", "bad_clips"),
    [
        ("crossing", 5, 3),
        ("child behind", 0, 0),
        ("back after 1 s behind", 0, 0),
        ("hug", 0, 0),
        ("third in front", 0, 0),
        ("third behind", 0, 2),
    ],
)
def test_identities_with_a_poor_detector(name, switches, bad_clips):
    assert count(KEPT[name], POOR, rates=(10, 30), seeds=3) == (switches, bad_clips)


@pytest.mark.parametrize("width", [40, 100])
@pytest.mark.parametrize("other", [[(0, 300), (5, 300)], [(0, -270), (5, 130)]], ids=["stands", "follows"])
def test_who_walks_behind_a_pillar_comes_out(width, other):
    people = {"ann": Walker([(0, -200), (5, 200)]), "ben": Walker(other, depth=2)}

    assert count((people, 5), CUT, pillars=[Pillar(0, width)]) == (0, 0)


# What boxes alone cannot tell: each of the five clips has its two switches.
@pytest.mark.parametrize(
    "scene",
    [
        pytest.param((behind(0, 160), 4), id="turns back at once behind the other, and is taken for passing"),
        pytest.param((behind(1, -160), 5), id="stops for 1 s behind the other and walks on, as none who hug"),
        pytest.param(
            (
                {
                    "ann": Walker([(0, -100), (1, -12), (2.5, 12), (3.5, 100)], depth=0),
                    "ben": Walker([(0, 100), (1, 12), (2.5, -12), (3.5, -100)]),
                },
                3.5,
            ),
            id="turns round in a hug",
        ),
        pytest.param(
            ({"ann": Walker([(0, 0), (4, 160)], depth=0), "ben": Walker([(0, -60), (4, 220)])}, 4),
            id="overtakes so slowly that it takes longer than a hug",
        ),
    ],
)
def test_what_boxes_cannot_tell(scene):
    assert count(scene) == (10, 5)


def test_two_who_cross_behind_a_wide_pillar_change_names():
    people = {"ann": Walker([(0, -200), (5, 200)]), "ben": Walker([(0, 200), (5, -200)], depth=2)}

    assert count((people, 5), pillars=[Pillar(0, 40)]) == (0, 0)
    assert count((people, 5), pillars=[Pillar(0, 100)]) == (10, 5)  # neither hides the other


@pytest.mark.parametrize(("seconds", "shown"), [(0.5, 1), (1.5, 1), (3, 0.77)])
def test_who_comes_back_within_two_seconds_has_the_same_slot(seconds, shown):
    # 2 s and 7 s in the picture: after a long absence ben is a third track, for which there is no slot
    path = [(0, 150), (2, 300), (2 + seconds, 300), (4 + seconds, 150), (9 + seconds, 150)]
    people = {
        "ann": Walker([(0, 0), (9 + seconds, 0)], depth=0),
        "ben": Walker(path, away=[(2, 2 + seconds)]),
    }

    outcome = follow(make_scene(people, seconds=9 + seconds))

    assert (outcome.switches, outcome.strangers) == (0, 0)
    assert outcome.shown == pytest.approx({"ann": 1, "ben": shown}, abs=0.02)


@pytest.mark.parametrize(("flaws", "switches"), [(CUT, 0), (SHAKY, 6)])  # of 59 changes of sides
def test_ten_minutes(flaws, switches):
    # ann and ben change sides every ten seconds, at a walk; cat passes behind them every minute
    ann = [(10 * turn + wait, 120 * (-1) ** turn) for turn in range(60) for wait in (0, 7)]
    ben = [(second, -x) for second, x in ann]
    cat = [(60 * turn + at, x) for turn in range(10) for at, x in ((2, -400), (12, 400))]
    away = [(60 * turn + 12, 60 * turn + 62) for turn in range(10)]
    people = {
        "ann": Walker(ann, depth=0),
        "ben": Walker(ben, depth=1),
        "cat": Walker(cat, height=75, depth=2, away=away),
    }

    outcome = follow(make_scene(people, seconds=597, flaws=flaws))

    assert outcome.switches == switches
    assert outcome.shown == pytest.approx({"ann": 1, "ben": 1, "cat": 0})
