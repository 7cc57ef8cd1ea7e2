"""The demo's videos: the same from the same seed, true to their truth, and known as a dataset."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import psutil
import pytest

from extract.datasets.demo import CLASSES, DEMO, DEMO_FULL, parse_demo
from extract.video import open_video
from scripts import make_demo_videos
from scripts.demo_videos.actions import ACTIONS, Actor, Style
from scripts.demo_videos.body import Body
from scripts.demo_videos.clips import plan_clips
from scripts.demo_videos.motion import turns_at
from scripts.demo_videos.scene import _actor, _distractors, build_scene
from scripts.demo_videos.truth import read_truth

ROOT = Path(__file__).resolve().parents[2]
ACTOR = Actor(Body(1.7, 1.0), Style(speed=1.0, size=1.0, stoop=3.0, arms_out=8.0, stance=3.0, handed="r"))
ONE_OF_THE_SAME = (
    ("drink", "phone_call", "brush_hair"),
    ("read_book", "use_tablet"),
    ("put_on_hat", "scratch_head"),
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    status = make_demo_videos.main(
        ["--out", str(folder), "--actions", "push,drink", "--limit", "2", "--processes", "2"]
    )
    assert status == 0
    return folder


def test_a_second_run_draws_nothing_and_a_lost_truth_is_drawn_again(drawn, capsys):
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in drawn.iterdir()}
    assert len(before) == 4
    command = ["--out", str(drawn), "--actions", "push,drink", "--limit", "2", "--processes", "1"]

    make_demo_videos.main(command)
    assert {path: path.stat().st_mtime_ns for path in drawn.iterdir()} == {
        p: t for p, (t, _) in before.items()
    }

    lost = min(path for path in before if path.suffix == ".json")
    lost.unlink()
    make_demo_videos.main(command)
    assert lost.read_bytes() == before[lost][1]
    assert lost.with_suffix(".mp4").read_bytes() == before[lost.with_suffix(".mp4")][1]


def test_a_video_has_the_frames_of_its_truth(drawn):
    for path in drawn.glob("*.mp4"):
        truth = read_truth(path.with_suffix(".json"))
        assert path.stem.startswith(truth.label)
        assert (truth.seed, truth.condition) == (0, "normal")
        plan = next(plan for plan in plan_clips("small", 0) if plan.id == path.stem)
        scene = build_scene(plan)
        video = open_video(path)
        assert video.decoder == "decord"
        frames = [frame for _, frame in video.frames(range(video.facts.num_frames))]
        assert len(frames) == len(truth.boxes_xyxy) == scene.num_frames
        middle = scene.num_frames // 2
        moment = scene.render(middle)
        np.testing.assert_allclose(truth.boxes_xyxy[middle], moment.truth.boxes_xyxy, atol=0.006)
        assert np.abs(frames[middle].astype(float) - moment.picture).mean() < 12  # of 255; compressed


@pytest.mark.parametrize("same", ONE_OF_THE_SAME)
def test_only_the_object_tells_these_classes_apart(same):
    acts = [ACTIONS[name].act((ACTOR,), np.random.default_rng(3)) for name in same]

    seconds = np.linspace(0, acts[0].seconds, 20)
    first = turns_at(acts[0].movements[0].keys, seconds)
    for act in acts[1:]:
        assert act.seconds == acts[0].seconds
        turns = turns_at(act.movements[0].keys, seconds)
        assert turns.keys() == first.keys()
        for joint, turn in turns.items():
            np.testing.assert_array_equal(turn.as_quat(), first[joint].as_quat())
    held = {tuple(thing.name for thing in act.held) for act in acts}
    assert len(held) == len(same)


@pytest.mark.parametrize("same", ONE_OF_THE_SAME)
def test_clips_of_these_classes_are_alike_but_for_objects(same):
    """People, movement, place, camera, light and length: nothing else tells the class."""
    plan = next(plan for plan in plan_clips("small", 0) if plan.action == same[0])

    first, *others = (build_scene(dataclasses.replace(plan, action=action)) for action in same)

    truth = first.render(4).truth
    for other in others:
        assert other.num_frames == first.num_frames
        np.testing.assert_array_equal(other.render(4).truth.keypoints_xy, truth.keypoints_xy)


def test_what_lies_around_says_nothing_of_the_class():
    for same in ONE_OF_THE_SAME:
        counts = Counter()
        for plan in plan_clips("full", 0, actions=same):
            lot = np.random.default_rng((plan.subject, plan.replication))
            counts[plan.action] += len(_distractors(plan, [ACTOR], lot))
        assert max(counts.values()) == min(counts.values()) > 0


def test_left_handers_are_as_many_in_either_split():
    for size, num_subjects in (("small", 10), ("full", 30)):
        left = [n for n in range(1, num_subjects + 1) if _actor(0, n).style.handed == "l"]
        assert len([n for n in left if n % 2]) == len([n for n in left if n % 2 == 0]) > 0, size


def test_conditions_do_not_go_with_the_split_or_the_camera():
    plans = [*plan_clips("full", 0, conditions=["normal", "occluded", "dark", "overexposed"])]

    of_all = Counter(plan.condition for plan in plans)
    assert set(of_all.values()) == {675}
    for share, part in ((1 / 2, {plan for plan in plans if plan.subject % 2}),
                        (1 / 3, {plan for plan in plans if plan.camera == 3})):  # fmt: skip
        for condition, number in Counter(plan.condition for plan in part).items():
            assert abs(number - share * 675) < 60, condition  # 4 standard deviations


def test_a_folder_of_another_seed_or_condition_is_refused_and_left_as_it_is(drawn, capsys):
    before = {path: path.read_bytes() for path in drawn.iterdir()}
    command = ["--out", str(drawn), "--actions", "push", "--limit", "1", "--processes", "1"]

    assert make_demo_videos.main([*command, "--seed", "7"]) == 1
    said = capsys.readouterr().err
    assert "was drawn with seed 0, condition normal; asked for seed 7, condition normal. Give another" in said
    assert make_demo_videos.main([*command, "--conditions", "dark"]) == 1
    assert {path: path.read_bytes() for path in drawn.iterdir()} == before


@pytest.mark.parametrize("option", ["--seed=1000", "--seed=-1", "--limit=0", "--processes=0"])
def test_numbers_out_of_range_are_refused(option, capsys):
    with pytest.raises(SystemExit):
        make_demo_videos.main([option])
    assert f"{option.replace('=', ' ')}; expected" in capsys.readouterr().err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_is_killed(tmp_path, how):
    command = [sys.executable, "-m", "scripts.make_demo_videos", "--out", str(tmp_path), "--processes", "2"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as drawing:
        while not (workers := psutil.Process(drawing.pid).children(recursive=True)) or not any(
            tmp_path.glob("*.json")
        ):
            assert drawing.poll() is None
            time.sleep(0.1)
        drawing.send_signal(how)
        status = drawing.wait(60)

    assert status == (130 if how == signal.SIGTERM else -signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive


def test_other_seeds_are_other_people_in_other_places():
    plan = next(plan_clips("small", 0))

    one, other = (build_scene(dataclasses.replace(plan, seed=seed)).render(0).picture for seed in (0, 1))

    assert np.abs(one.astype(float) - other).mean() > 10


@pytest.mark.parametrize("condition", ["occluded", "dark", "overexposed"])
def test_conditions_make_it_harder_to_see(condition):
    plan = next(plan for plan in plan_clips("small", 0) if plan.action == "wave" and plan.camera == 1)

    normal = build_scene(plan).render(5)
    hard = build_scene(dataclasses.replace(plan, condition=condition)).render(5)

    if condition == "occluded":
        assert (hard.truth.visibility == 2).sum() < (normal.truth.visibility == 2).sum()
    else:
        change = hard.picture.astype(float).mean() / normal.picture.mean()
        assert change < 0.35 if condition == "dark" else change > 1.3


def test_two_person_actions_have_two_persons_and_others_one():
    for plan in plan_clips("small", 0):
        if plan.subject == 1 and plan.replication == 1:
            scene = build_scene(plan)
            assert scene.num_actors == ACTIONS[plan.action].num_persons
            assert scene.num_persons in (scene.num_actors, scene.num_actors + 1)


def test_the_dataset_knows_every_clip_by_its_name():
    assert [name.replace("_", " ") for name in ACTIONS] == list(CLASSES)
    pairs = {name.replace("_", " ") for name, action in ACTIONS.items() if action.num_persons == 2}
    assert pairs == set(DEMO.two_person_classes)
    for size, dataset in (("small", DEMO), ("full", DEMO_FULL)):
        plans = list(plan_clips(size, 0))
        entries = [parse_demo(PurePosixPath(f"{plan.id}.mp4")) for plan in plans]
        assert len({entry.id for entry in entries}) == len(entries) == dataset.num_expected
        for entry, plan in zip(entries, plans, strict=True):
            assert entry.label == plan.action.replace("_", " ")
            assert (entry.subject, entry.camera) == (str(plan.subject), str(plan.camera))
            assert (plan.partner - plan.subject) % 2 == 0  # a pair is never in both splits
        for protocol, facts in dataset.protocols.items():
            assert Counter(entry.splits[protocol] for entry in entries) == facts["expected"]


def test_another_name_is_left_out_by_name():
    with pytest.raises(
        ValueError, match=r"'holiday\.mp4' is not of the demo; expected a name like drink_p03"
    ):
        parse_demo(PurePosixPath("holiday.mp4"))


def test_an_unknown_action_is_refused(capsys):
    with pytest.raises(SystemExit):
        make_demo_videos.main(["--actions", "dance"])
    assert "unknown: dance; expected some of wave, clap" in capsys.readouterr().err
