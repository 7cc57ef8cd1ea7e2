"""The text side of a store: layout, units, table, facts, skeleton, manifest, card."""

import dataclasses
import json

import pytest

from store import units
from store.card import render_card
from store.errors import StoreFormatError, StoreMismatchError
from store.facts import check_may_continue, check_same_meaning, differences, parse_store_json
from store.manifest import describe, parse_manifest, render_manifest
from store.schema import Layout, array_specs, pooled_array_name, split_tap
from store.skeleton import COCO_17, Skeleton, make_skeleton
from store.table import PENDING, ClipEntry, ClipOutcome, ClipRow, parse_table, render_table
from store.units import plan_units
from tests.store_makers import make_facts, make_layout, shrink_units

FAILED = ClipOutcome("error", "broken")


def ok(steps: int = 64) -> ClipOutcome:
    return ClipOutcome("ok", num_steps=steps)


@pytest.mark.parametrize(
    ("tap", "name"),
    [("backbone.stage4.1[1]", "pooled/backbone.stage4.1@1"), ("head", "pooled/head")],
)
def test_pooled_array_name(tap, name):
    assert pooled_array_name(tap) == name


def test_split_tap():
    assert split_tap("backbone.stage4.1[12]") == ("backbone.stage4.1", 12)
    assert split_tap("head") == ("head", None)


@pytest.mark.parametrize("tap", ["", "a/b", "a[x]", "a[1][2]", "../a", "a.", "a[1]b"])
@pytest.mark.parametrize("function", [split_tap, pooled_array_name])
def test_what_is_no_tap_is_refused(function, tap):
    with pytest.raises(ValueError, match="is not of the form"):
        function(tap)


def test_chunk_is_one_person_of_one_clip_and_shard_is_one_unit():
    pooled = array_specs(Layout(64, 2, 17, {"a": 96}, ()))[0]
    assert pooled.axes == ("clip", "time", "person", "joint", "channel")
    assert pooled.chunk == (1, 64, 1, 17, 96)
    assert pooled.shard == (128, 64, 2, 17, 96)
    native = array_specs(Layout("native", 2, 17, {"a": 96}, ()))[0]
    assert native.axes == ("time", "person", "joint", "channel")
    assert native.chunk == (64, 1, 17, 96)
    assert native.shard == (8192, 2, 17, 96)


def test_layout_has_one_order_of_crops():
    assert Layout(64, 1, 1, {}, ("clip", "person")) == Layout(64, 1, 1, {}, ("person", "clip"))


@pytest.mark.parametrize("change", [{"clock": 0}, {"clock": "64"}, {"max_persons": 0}, {"crops": ("face",)}])
def test_layout_refuses_what_makes_no_sense(change):
    with pytest.raises(ValueError, match=r"expected|must be"):
        dataclasses.replace(make_layout(), **change)


def test_units_are_full_but_the_last_and_failures_take_no_place(monkeypatch):
    shrink_units(monkeypatch)
    clips = [("a", ok()), ("b", FAILED), ("c", ok()), ("d", ok())]
    first, second = plan_units(make_layout(), 5, clips, last=True)
    assert (first.index, first.num_shards, first.starts) == (5, 1, {"a": 10, "b": None, "c": 11})
    assert (second.index, second.num_shards, second.starts) == (6, 1, {"d": 12})
    assert plan_units(make_layout(), 5, clips, last=False) == [first]


def test_a_unit_of_failures_has_a_place_of_its_own(monkeypatch):
    shrink_units(monkeypatch)
    (unit,) = plan_units(make_layout(), 3, [("a", FAILED)], last=True)
    assert (unit.index, unit.num_shards, unit.starts) == (3, 1, {"a": None})


def test_native_clips_begin_at_chunks_and_may_be_longer_than_a_unit(monkeypatch):
    shrink_units(monkeypatch)  # units of 8 steps, chunks of 4
    clips = [("a", ok(3)), ("b", ok(4)), ("long", ok(17)), ("c", ok(1))]
    one, two, three = plan_units(make_layout("native"), 0, clips, last=True)
    assert (one.index, one.num_shards, one.starts) == (0, 1, {"a": 0, "b": 4})
    assert (two.index, two.num_shards, two.starts) == (1, 3, {"long": 8})
    assert (three.index, three.num_shards, three.starts) == (4, 1, {"c": 32})
    assert units.extent_of(make_layout("native"), FAILED) == 0


ODD_IDS = [
    "a/b/../c",
    "eat\u2028snacks",
    "\u559d\u6c34",
    "x" * 500,
    "quote\"'`",
    "caf\udce9",
    "a\x85b\x1cc",
    "line\nbreak",
    "",
]


@pytest.mark.parametrize("clip_id", ODD_IDS)
def test_any_id_survives_the_table(clip_id):
    rows = [
        ClipRow(ClipEntry(clip_id, clip_id, "sit", splits={"p1": "train"}, num_frames=7, sha256="ab"), ok()),
        ClipRow(ClipEntry("next", "next.avi"), PENDING),
    ]
    assert parse_table(render_table(rows).decode()) == rows


def test_the_table_says_what_was_expected_and_what_was_found():
    row = ClipRow(ClipEntry("a", "a.avi", num_frames=9), ClipOutcome("short", "7 of 9 frames", num_frames=7))
    line = json.loads(render_table([row]))
    assert (line["expected_num_frames"], line["num_frames"], line["status"]) == (9, 7, "short")


def test_the_table_says_who_decoded_a_clip_if_that_is_known():
    row = ClipRow(ClipEntry("a", "a.avi"), ClipOutcome("ok", source_sha256="ab", decoder="pyav"))
    line = json.loads(render_table([row]))
    assert line["decoder"] == "pyav"
    assert parse_table(json.dumps(line)) == [row]
    del line["decoder"]  # of a store that was made before the field was there
    assert parse_table(json.dumps(line))[0].outcome.decoder is None


def test_the_table_says_which_part_of_a_video_a_clip_is():
    whole, part = ClipEntry("a", "a.avi"), ClipEntry("b", "a.avi", first_frame=0, end_frame=9)
    rows = [ClipRow(whole, PENDING), ClipRow(part, PENDING)]
    text = render_table(rows).decode()
    assert "frame" not in text.splitlines()[0].replace("num_frames", "")  # as it was before there were parts
    assert json.loads(text.splitlines()[1])["end_frame"] == 9
    assert parse_table(text) == rows


def test_a_later_minor_version_of_the_table_is_read():
    line = json.loads(render_table([ClipRow(ClipEntry("a", "a.avi"), ok())])) | {"weather": "rain"}
    assert parse_table(json.dumps(line) + "\n") == [ClipRow(ClipEntry("a", "a.avi"), ok())]
    assert parse_table("") == []


def test_two_person_classes_travel_where_somebody_has_said_which():
    facts = make_facts()
    assert "two_person_classes" not in json.loads(facts.to_json())["dataset"]
    for known in ((), ("stand",)):
        dataset = dataclasses.replace(facts.dataset, two_person_classes=known)
        text = dataclasses.replace(facts, dataset=dataset).to_json().decode()
        assert parse_store_json(text, "store.json").dataset == dataset


def test_a_damaged_table_names_its_line():
    with pytest.raises(StoreFormatError, match=r"s/clips\.jsonl, line 2: not a clip"):
        parse_table('{"id": "a", "path": "b", "status": "ok"}\n{"id": \n', "s/clips.jsonl")


@pytest.mark.parametrize("clock", [3, "native"])
def test_facts_survive_the_json(clock):
    facts = make_facts(clock, crops=("person", "clip"), nested={"a": [1, None]})
    assert parse_store_json(facts.to_json().decode(), "s") == facts


def test_facts_of_a_later_minor_version_are_read_and_not_continued():
    content = json.loads(make_facts().to_json()) | {"format_version": "1.7"}
    content["dataset"]["colour"] = "red"
    content["layout"]["crops"].append("face")
    assert parse_store_json(json.dumps(content), "s") == make_facts()
    with pytest.raises(StoreFormatError, match=r"format version 1\.7, this code writes 1\.0"):
        check_may_continue(json.dumps(content), "s")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "heatpool-store", "format_version": "2.0"}',
        '{"format": 1, "format_version": 1}',
    ],
)
def test_what_are_no_facts_is_an_error_that_names_the_file(text):
    with pytest.raises(StoreFormatError, match=r"^here"):
        parse_store_json(text, "here")


def test_facts_without_a_field_are_an_error():
    content = json.loads(make_facts().to_json())
    del content["layout"]["clock"]
    with pytest.raises(StoreFormatError, match="clock"):
        parse_store_json(json.dumps(content), "here")


def test_another_meaning_is_refused_and_named():
    with pytest.raises(StoreMismatchError) as error:
        check_same_meaning({"tap": "a", "fps": 1}, {"tap": "b", "fps": 1}, "data/stores/x")
    assert 'tap: the store has "a", this run wants "b"' in str(error.value)
    assert "fps" not in str(error.value)


def test_equal_meaning_is_equal_digest():
    assert differences({"a": (1, 2), "b": None}, {"a": [1, 2]}) == []
    assert differences({"a": 1}, {"a": True}) == ["a"]
    assert make_facts(new=None).meaning_sha256 == make_facts().meaning_sha256
    assert make_facts(new=1).meaning_sha256 != make_facts().meaning_sha256


def test_coco_has_the_published_bones():
    bones = dict(make_skeleton(COCO_17, [("nose", "left_eye")]).bones)
    assert len(bones) == 17
    assert (bones["nose"], bones["left_shoulder"], bones["right_shoulder"]) == (
        "left_shoulder",
        "right_shoulder",
        "nose",
    )


def test_other_joints_get_bones_from_the_links():
    skeleton = make_skeleton(
        ["root", "tip", "mid", "alone"], [("mid", "tip"), ("root", "mid"), ("tip", "root")]
    )
    assert skeleton.bones == (("mid", "root"), ("tip", "root"))
    assert skeleton.link_indices() == [(2, 1), (0, 2), (1, 0)]


def test_a_link_to_an_unknown_joint_is_refused():
    with pytest.raises(ValueError, match=r"\['tail'\]; the joints are \['head'\]"):
        Skeleton(("head",), (("head", "tail"),), ())


def test_manifest_survives_and_knows_its_own_damage():
    files = {"b": describe(b"123"), "a": describe(b"")}
    data = render_manifest(files)
    assert parse_manifest(data) == files
    assert files["b"].num_bytes == 3
    for damaged in (data[:-1], data.replace(b"3", b"4", 1), data + b"\n", b"", b"[]", b"{}"):
        with pytest.raises(ValueError, match=r"cannot be read|does not have the digest"):
            parse_manifest(damaged)


def test_card_shows_a_clip_that_has_data_and_counts_the_splits():
    rows = [
        ClipRow(ClipEntry("a", "a.avi", splits={"p1": "train"}), ClipOutcome("error", "line one\nline two")),
        ClipRow(ClipEntry("b", "b.avi", splits={"p1": "test"}), dataclasses.replace(ok(), start=4)),
    ]
    card = render_card(make_facts(), rows).decode()
    assert "2 clips of 8 in the dataset: 1 error, 1 ok" in card
    assert "features['pooled/net.a'][clips[1]['start']]" in card
    assert "- `p1`: 1 test, 1 train" in card
    assert "- `a`: error: line one line two" in card
    assert "never anonymous" in card or "not anonymous" in card
    assert "frame-free" not in render_card(make_facts(crops=()), []).decode()


def test_card_says_that_a_store_may_not_be_passed_on():
    facts = make_facts()
    private = dataclasses.replace(facts, dataset=dataclasses.replace(facts.dataset, may_share=False))
    assert "may not be passed on without permission" in render_card(private, []).decode()
    assert "passed on" not in render_card(facts, []).decode()
