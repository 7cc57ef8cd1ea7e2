"""Writer and spool: order, records, which clips may be put."""

import dataclasses

import numpy as np
import pytest

from store import open_store
from store.errors import (
    ClipDataError,
    StoreMismatchError,
)
from store.manifest import verify_store
from store.schema import FRAME_BYTES
from store.spool import SpooledClip
from store.table import ClipEntry, ClipOutcome
from store.writer import StoreWriter
from tests.store_makers import (
    EXECUTION,
    files_of,
    make_clip,
    make_entries,
    make_facts,
    make_failure,
    make_layout,
    make_writer,
    shrink_units,
    with_array,
    write_store,
)


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    shrink_units(monkeypatch)


def test_the_order_in_which_clips_finish_does_not_matter(tmp_path):
    clips = [make_clip(clip_id, make_layout(), seed=ord(clip_id)) for clip_id in "abcd"]
    for name, finished in [("s", clips), ("t", clips[::-1])]:
        with make_writer(tmp_path / name) as writer:
            for clip in finished:
                writer.put(clip)
                writer.pack("abcd", last=False)
            writer.pack("abcd", last=True)
    assert files_of(tmp_path / "s") == files_of(tmp_path / "t")


def test_a_clip_that_is_tried_again_keeps_its_place_in_the_order(tmp_path):
    with make_writer(tmp_path / "s", "abc") as writer:
        for clip_id in "abc":
            writer.put(make_failure(clip_id))
        writer.pack("abc", last=True)
        writer.forget_failures("abc")
        assert writer.outcome("a").status == "pending"
        for clip_id in "bca":  # b and c would fill a unit and must wait for a
            writer.put(make_clip(clip_id, make_layout()))
            writer.pack("abc", last=False)
        writer.pack("abc", last=True)
    rows = {row.entry.id: row.outcome for row in open_store(str(tmp_path / "s")).rows}
    assert [rows[clip_id].start for clip_id in "abc"] == [2, 3, 4]


def test_a_clip_that_fails_again_in_the_same_way_changes_nothing(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_failure("a")])
    before = files_of(tmp_path / "s")
    with make_writer(tmp_path / "s", "a") as writer:
        writer.forget_failures("a")
        writer.put(make_failure("a"))
        writer.pack("a", last=True)
    assert files_of(tmp_path / "s") == before


def test_clips_that_only_failed_are_remembered(tmp_path):
    with make_writer(tmp_path / "s") as writer:
        writer.put(make_failure("a"))
        writer.pack("a", last=True)
        writer.put(make_clip("b", make_layout()))
        writer.pack("b", last=True)
    with make_writer(tmp_path / "s") as writer:
        assert writer.outcome("a").reason == "no frames"
        assert writer.outcome("b").status == "ok"


def test_the_record_keeps_the_execution_that_extracted(tmp_path):
    with make_writer(tmp_path / "s") as writer:
        writer.put(make_clip("a", make_layout()))
    with StoreWriter(tmp_path / "s", make_facts(), make_entries("ab"), {"torch": "9"}) as writer:
        writer.put(make_clip("b", make_layout()))
        writer.pack("ab", last=True)
    text = (tmp_path / "s/shards/000000.json").read_text()
    assert '"torch": "2.14"' in text
    assert '"torch": "9"' in text


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if "to the last bit" in record.getMessage()]


OTHER = EXECUTION | {"torch": "9"}


def test_another_execution_is_warned_about_at_its_first_clip(tmp_path, caplog):
    with make_writer(tmp_path / "s") as writer:
        writer.put(make_clip("b", make_layout()))
    assert not warnings_of(caplog)
    with StoreWriter(tmp_path / "s", make_facts(), make_entries("abcd"), OTHER) as writer:
        assert not warnings_of(caplog)
        writer.put(make_clip("a", make_layout()))  # the other clip only waits in the spool
        assert len(warnings_of(caplog)) == 1
        assert "another torch than before" in warnings_of(caplog)[0]
        writer.put(make_clip("c", make_layout()))
        writer.pack("abc", last=True)
    with StoreWriter(tmp_path / "s", make_facts(), make_entries("abcd"), OTHER) as writer:
        writer.put(make_clip("d", make_layout()))
        writer.pack("abcd", last=True)

    assert len(warnings_of(caplog)) == 1


def test_clips_bring_the_execution_of_the_process_they_come_from(tmp_path):
    with make_writer(tmp_path / "s") as writer:
        writer.put(make_clip("a", make_layout()), {"torch": "2.14", "device": "gpu"})
        writer.pack("a", last=True)

    assert '"device": "gpu"' in (tmp_path / "s/shards/000000.json").read_text()


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"class_names": ("sit",)}, "its class 'stand' neither"),
        ({"protocols": {}}, "its protocol 'p1' neither"),
    ],
)
def test_dataset_that_lacks_the_class_of_a_clip_it_does_not_name(tmp_path, change, lacking):
    facts = make_facts()
    entry = ClipEntry("a", "a.avi", label="stand", splits={"p1": "train"})
    with StoreWriter(tmp_path / "s", facts, [entry], EXECUTION) as writer:
        writer.put(make_clip("a", make_layout()))
    before = files_of(tmp_path / "s")
    other = dataclasses.replace(facts, dataset=dataclasses.replace(facts.dataset, **change))

    with pytest.raises(StoreMismatchError, match=lacking):
        StoreWriter(tmp_path / "s", other, [], EXECUTION)

    assert files_of(tmp_path / "s") == before


@pytest.mark.parametrize(
    "clip_id", ["a/b/../../c", "\u559d\u2028\u6c34", "x" * 3000, "caf\udce9", "..", "a\nb", "c:\\d*?[e]", ""]
)
def test_any_id_can_be_stored(tmp_path, clip_id):
    write_store(tmp_path / "s", make_facts(), [make_clip(clip_id, make_layout(), seed=5)])
    assert list(verify_store(tmp_path / "s")) == []
    with StoreWriter(tmp_path / "s", make_facts(), make_entries([clip_id]), EXECUTION) as writer:
        assert writer.outcome(clip_id).status == "ok"
    assert open_store(str(tmp_path / "s")).pooled(clip_id).shape == (3, 2, 2, 3)


def test_clips_that_the_dataset_no_longer_names_stay_if_they_have_an_outcome(tmp_path):
    with make_writer(tmp_path / "s", "abc") as writer:
        writer.put(make_clip("a", make_layout()))
        writer.pack("a", last=True)
    with make_writer(tmp_path / "s", "cd") as writer:
        assert [row.entry.id for row in writer.rows] == ["c", "d", "a"]  # b was never tried
    assert open_store(str(tmp_path / "s")).clip_ids == ["a"]


BAD_CLIPS = {
    r"lower the JPEG quality": lambda c: with_array(c, "frames/person", np.zeros((3, FRAME_BYTES + 1), "u1")),
    r"boxes is float64 .*expected float32 \(3, 2, 4\)": lambda c: with_array(c, "boxes", np.zeros((3, 2, 4))),
    r"boxes is float32 \(3, 1, 4\)": lambda c: with_array(c, "boxes", np.zeros((3, 1, 4), "f4")),
    r"unknown: \['more'\]": lambda c: with_array(c, "more", np.zeros(3)),
    r"1 of 36 values of pooled/net.a are NaN or infinite": lambda c: with_array(
        c, "pooled/net.a", np.where(np.arange(36).reshape(3, 2, 2, 3) == 7, np.inf, 0).astype("f2")
    ),
    r"frames/person_lengths are 99 to 99, expected 0 to 20": lambda c: with_array(
        c, "frames/person_lengths", np.full(3, 99, "i4")
    ),
    r"num_steps is 2, expected 3": lambda c: SpooledClip(c.id, ClipOutcome("ok", num_steps=2), c.arrays),
    r"do not fit its status ok": lambda c: SpooledClip(c.id, c.outcome, {}),
    r"do not fit its status error": lambda c: SpooledClip(c.id, ClipOutcome("error", "x"), c.arrays),
    r"num_steps is 3, expected None": lambda c: SpooledClip(c.id, ClipOutcome("no_person", num_steps=3), {}),
    r"no start yet": lambda c: SpooledClip(c.id, ClipOutcome("ok", num_steps=3, start=1), c.arrays),
}


@pytest.mark.parametrize("message", BAD_CLIPS)
def test_a_clip_that_does_not_fit_is_refused_before_it_is_written(tmp_path, message):
    with make_writer(tmp_path / "s") as writer:
        with pytest.raises(ClipDataError, match=message):
            writer.put(BAD_CLIPS[message](make_clip("a", make_layout())))
        assert writer.outcome("a").status == "pending"
        assert list(writer.spool.folder.iterdir()) == []


def test_a_jpeg_may_be_as_long_as_a_frame_and_there_may_be_none(tmp_path):
    clips = []
    for clip_id, width in [("a", FRAME_BYTES), ("b", 0)]:
        clip = with_array(make_clip(clip_id, make_layout()), "frames/person", np.full((3, width), 7, "u1"))
        clips.append(with_array(clip, "frames/person_lengths", np.full(3, width, "i4")))
    write_store(tmp_path / "s", make_facts(), clips)
    reader = open_store(str(tmp_path / "s"))
    assert reader.jpegs("a", "person") == [b"\7" * FRAME_BYTES] * 3
    assert reader.jpegs("b", "person") == [b""] * 3


def test_a_dataset_that_contradicts_itself_is_refused(tmp_path):
    for entries, message in [
        (
            [ClipEntry("a", "x/a.avi"), ClipEntry("a", "y/a.avi")],
            "two clips have the id 'a': x/a.avi and y/a.avi",
        ),
        ([ClipEntry("a", "a.avi", "fly")], "label 'fly' is none of the classes"),
        ([ClipEntry("a", "a.avi", splits={"p9": "train"})], "no protocol 'p9'; it has p1"),
    ]:
        with pytest.raises(ValueError, match=message):
            StoreWriter(tmp_path / "s", make_facts(), entries, EXECUTION)
    with make_writer(tmp_path / "s") as writer, pytest.raises(ValueError, match="'z' is none of the 4 clips"):
        writer.put(make_failure("z"))
