"""Shards, spool and reader; each shard is also read with plain zarr, which must agree."""

import dataclasses
import errno
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest
import zarr

from store import durable, open_store, shards
from store.errors import (
    ClipDataError,
    ClipNotFoundError,
    StoreBusyError,
    StoreDamagedError,
    StoreDiskError,
    StoreError,
    StoreFormatError,
    StoreMismatchError,
    StoreNotFoundError,
)
from store.lock import is_being_written, work_folder
from store.manifest import verify_store
from store.schema import FRAME_BYTES, array_specs
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
    shrink_units,
    write_store,
    zeros_like,
)

STARTS = ["", "file://"]  # of an address: a folder, and a URL, which is read through zarr


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    shrink_units(monkeypatch)


def make_writer(root, ids="abcd", facts=None):
    return StoreWriter(root, facts or make_facts(), make_entries(ids), EXECUTION)


def with_array(clip, name, values):
    return SpooledClip(clip.id, clip.outcome, {**clip.arrays, name: values})


@pytest.mark.parametrize("clock", [3, "native"])
def test_reader_and_plain_zarr_return_what_was_put(tmp_path, clock):
    layout = make_layout(clock)
    steps = [3, 21, 8, 1] if clock == "native" else [3] * 4
    clips = [make_clip(clip_id, layout, n, seed=n) for clip_id, n in zip("abcd", steps, strict=True)]
    write_store(tmp_path / "s", make_facts(clock), [*clips[:2], make_failure("e"), *clips[2:]])
    reader = open_store(str(tmp_path / "s"))
    remote = open_store(f"file://{tmp_path}/s")  # through zarr
    group = zarr.open_group(tmp_path / "s/features.zarr", mode="r")
    assert reader.clip_ids == list("abcd")
    for clip in clips:
        outcome = reader.row(clip.id).outcome
        for spec in array_specs(layout):
            values = clip.arrays[spec.name]
            width = values.shape[-1] if spec.axes[-1] == "bytes" else None
            for source in (reader, remote, pickle.loads(pickle.dumps(reader))):
                np.testing.assert_array_equal(source.read(spec.name, clip.id, width=width), values)
            if "person" in spec.axes:
                for source in (reader, remote):
                    np.testing.assert_array_equal(source.read(spec.name, clip.id, person=1), values[:, 1])
            end = outcome.start + outcome.num_steps
            plain = (
                group[spec.name][outcome.start : end]
                if clock == "native"
                else group[spec.name][outcome.start]
            )
            np.testing.assert_array_equal(plain[..., :width] if width else plain, values)
        lengths = clip.arrays["frames/person_lengths"]
        expected = [row[:n].tobytes() for row, n in zip(clip.arrays["frames/person"], lengths, strict=True)]
        assert reader.jpegs(clip.id, "person") == expected


def test_zarr_metadata_names_the_axes_and_keeps_the_tap(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    array = zarr.open_array(tmp_path / "s/features.zarr/pooled/net.b@1", mode="r")
    assert array.metadata.dimension_names == ("clip", "time", "person", "joint", "channel")
    assert array.attrs["tap"] == "net.b[1]"
    assert (array.shape, array.chunks, array.shards) == ((1, 3, 2, 2, 1), (1, 3, 1, 2, 1), (2, 3, 2, 2, 1))


def test_a_unit_of_zeros_has_no_file_and_reads_as_zeros(tmp_path):
    clip = make_clip("a", make_layout())
    write_store(tmp_path / "s", make_facts(), [SpooledClip("a", clip.outcome, zeros_like(clip.arrays))])
    assert not [name for name in files_of(tmp_path / "s/features.zarr") if not name.endswith("zarr.json")]
    assert list(verify_store(tmp_path / "s")) == []
    for start in STARTS:
        assert not open_store(f"{start}{tmp_path}/s").pooled("a").any()


@pytest.mark.parametrize("start", STARTS)
def test_a_lost_shard_is_an_error_and_never_zeros(tmp_path, start):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (tmp_path / "s/features.zarr/keypoints/c.0.0.0.0.0").unlink()
    with pytest.raises(StoreDamagedError, match=r"keypoints/c\.0\.0\.0\.0\.0 is missing; run `make verify`"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


@pytest.mark.parametrize("start", STARTS)
def test_one_lost_shard_of_a_long_clip_is_an_error(tmp_path, start):
    write_store(tmp_path / "s", make_facts("native"), [make_clip("a", make_layout("native"), steps=20)])
    (tmp_path / "s/features.zarr/keypoints/c.1.0.0.0").unlink()
    with pytest.raises(StoreDamagedError, match=r"keypoints/c\.1\.0\.0\.0 is missing"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


def test_a_shard_lost_on_a_server_is_an_error(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    server = fsspec.filesystem("memory")
    server.put(str(tmp_path / "s"), "/lost", recursive=True)
    assert open_store("memory://lost").keypoints("a").any()
    server.rm("/lost/features.zarr/keypoints/c.0.0.0.0.0")
    with pytest.raises(StoreDamagedError, match=r"keypoints/c\.0\.0\.0\.0\.0 is missing"):
        open_store("memory://lost").keypoints("a")


def test_a_re_chunked_copy_is_not_taken_for_a_damaged_one(tmp_path):
    clip = make_clip("a", make_layout())
    empty = with_array(clip, "boxes", clip.arrays["boxes"] * 0)
    write_store(tmp_path / "s", make_facts(), [empty, make_clip("b", make_layout())])
    folder = tmp_path / "s/features.zarr/boxes"
    values = zarr.open_array(folder, mode="r")[:]
    shutil.rmtree(folder)
    zarr.create_array(folder, data=values)
    reader = open_store(str(tmp_path / "s"))
    assert not reader.read("boxes", "a").any()
    assert reader.read("boxes", "b").any()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("place", [0, -1])
def test_a_flipped_byte_is_an_error_on_reading(tmp_path, place, start):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    path = tmp_path / "s/features.zarr/keypoints/c.0.0.0.0.0"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match=r"keypoints.*checksum.*run `make verify`"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


@pytest.mark.parametrize("start", STARTS)
def test_damaged_metadata_is_an_error_that_names_the_array(tmp_path, start):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (tmp_path / "s/features.zarr/keypoints/zarr.json").write_bytes(b"{")
    with pytest.raises(StoreDamagedError, match=r"keypoints.*run `make verify`"):
        open_store(f"{start}{tmp_path}/s").keypoints("a")


def test_values_that_are_read_can_be_written_to(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    open_store(str(tmp_path / "s")).pooled("a", person=0)[:] = 1  # torch warns of arrays that cannot


def test_chunks_of_a_box():
    spec = array_specs(make_layout("native", crops=()))[-1]  # frame_positions: whole units of 8 steps
    assert list(shards.chunks_of(spec, [slice(6, 17)])) == [
        ((0,), (slice(6, 8),), (slice(0, 2),)),
        ((1,), (slice(0, 8),), (slice(2, 10),)),
        ((2,), (slice(0, 1),), (slice(10, 11),)),
    ]


def test_an_open_reader_works_in_a_forked_process(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    code = f"""
import os
from store import open_store
for address in ({str(tmp_path / "s")!r}, "file://" + {str(tmp_path / "s")!r}):
    reader = open_store(address)
    want = reader.pooled("a")
    child = os.fork()
    if child == 0:
        os._exit(0 if (reader.pooled("a") == want).all() else 3)
    assert os.waitpid(child, 0)[1] == 0
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


def test_reader_says_what_is_missing(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout()), make_failure("b")])
    reader = open_store(str(tmp_path / "s"))
    with pytest.raises(ClipNotFoundError, match="has no clip 'z'"):
        reader.pooled("z")
    with pytest.raises(ClipNotFoundError, match="its status is decode_error: no frames"):
        reader.pooled("b")
    with pytest.raises(StoreFormatError, match=r"no tap 'x'; it has net.a, net.b\[1\]"):
        reader.pooled("a", tap="x")
    with pytest.raises(StoreFormatError, match="made without 'clip' crops"):
        reader.jpegs("a", "clip")
    with pytest.raises(ValueError, match="persons are 0 to 1"):
        reader.pooled("a", person=2)
    with pytest.raises(StoreNotFoundError, match="give the STORE"):
        open_store(str(tmp_path / "none"))
    shutil.rmtree(tmp_path / "s/features.zarr/frames")
    with pytest.raises(StoreFormatError, match="copied without the array 'frames/person_lengths'"):
        open_store(str(tmp_path / "s")).jpegs("a", "person")


def test_readers_work_while_the_store_grows_and_when_it_is_empty(tmp_path):
    layout = make_layout()
    with make_writer(tmp_path / "s") as writer:
        early = open_store(str(tmp_path / "s"))
        assert early.clip_ids == []
        for clip_id in "abc":
            writer.put(make_clip(clip_id, layout, seed=ord(clip_id)))
        writer.pack("abcd", last=False)
        middle = open_store(str(tmp_path / "s"))
        assert middle.clip_ids == ["a", "b"]  # c waits for the unit's second clip
        writer.put(make_clip("d", layout))
        writer.pack("abcd", last=True)
        np.testing.assert_array_equal(
            middle.pooled("b"), make_clip("b", layout, seed=ord("b")).arrays["pooled/net.a"]
        )
    assert open_store(str(tmp_path / "s")).clip_ids == list("abcd")


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


def test_another_meaning_or_layout_is_refused(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    with pytest.raises(StoreMismatchError, match="fps: the store has null, this run wants 5"):
        make_writer(tmp_path / "s", facts=make_facts(fps=5))
    with pytest.raises(StoreMismatchError, match="has the layout"):
        make_writer(tmp_path / "s", facts=make_facts(crops=()))


def from_file(clip_id, sha256):
    """Make a clip of the file with this digest."""
    clip = make_clip(clip_id, make_layout())
    return SpooledClip(clip_id, dataclasses.replace(clip.outcome, source_sha256=sha256), clip.arrays)


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "x/a.avi"}, "a: the store has a.avi, the dataset says x/a.avi"),
        (
            {"sha256": "CD" * 32},
            "a: the store has the file with sha256 abababababab…, the dataset says CDCDCDCDCDCD…",
        ),
    ],
)
def test_another_clip_under_the_same_id_is_refused(tmp_path, change, message, is_packed):
    with make_writer(tmp_path / "s") as writer:
        writer.put(from_file("a", "ab" * 32))
        if is_packed:
            writer.pack("a", last=True)
    with make_writer(tmp_path / "s", "cd"):  # a run on other videos does not forget the path
        pass
    before = files_of(tmp_path)
    a, *others = make_entries("abcd")
    with pytest.raises(
        StoreMismatchError, match=rf"{message}\nGive another STORE, or give the clips other ids"
    ):
        StoreWriter(tmp_path / "s", make_facts(), [dataclasses.replace(a, **change), *others], EXECUTION)
    assert files_of(tmp_path) == before
    same = dataclasses.replace(a, label="stand", sha256="AB" * 32)
    with StoreWriter(tmp_path / "s", make_facts(), [same, *others], EXECUTION) as writer:
        assert writer.outcome("a").status == "ok"


def test_many_clips_under_the_same_ids_are_counted_and_the_first_named(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip(clip_id, make_layout()) for clip_id in "abcde"])
    moved = [dataclasses.replace(entry, path=f"x/{entry.path}") for entry in make_entries("abcde")]
    with pytest.raises(
        StoreMismatchError, match=r"under 5 of the dataset's ids:\n  a: .*\n.*\n.*\n  and 2 more"
    ):
        StoreWriter(tmp_path / "s", make_facts(), moved, EXECUTION)


def test_another_part_of_a_video_is_another_clip(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (entry,) = make_entries("a")
    part = dataclasses.replace(entry, first_frame=4)
    with pytest.raises(
        StoreMismatchError, match=r"store has a\.avi, the dataset says frames 4 to the end of a\.avi"
    ):
        StoreWriter(tmp_path / "s", make_facts(), [part], EXECUTION)


def test_a_clip_without_data_may_move(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_failure("a")])
    entry = ClipEntry("a", "x/a.avi", sha256="cd" * 32)
    with StoreWriter(tmp_path / "s", make_facts(), [entry], EXECUTION) as writer:
        assert writer.rows[0].entry == entry


@pytest.mark.parametrize("function", ["open", "write", "fsync", "replace"])
def test_a_full_disk_names_the_file_and_says_what_to_do(tmp_path, monkeypatch, function):
    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "f").write_bytes(b"old")
    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | {function: no_space}))
    with pytest.raises(
        StoreDiskError, match=rf"No space .*: '{tmp_path}/f'; make room and run the same command"
    ) as error:
        durable.write_file(tmp_path / "f", b"new")
    assert error.value.__cause__.filename == str(tmp_path / "f")
    assert files_of(tmp_path) == {"f": b"old"}


def test_another_error_of_the_disk_stays_what_it_is_and_names_the_file(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | {"replace": refuse}))
    with pytest.raises(PermissionError, match=f"'{tmp_path}/f'"):
        durable.write_file(tmp_path / "f", b"new")


def test_clips_that_wait_for_a_store_that_is_gone_are_not_mixed_into_another(tmp_path):
    with make_writer(tmp_path / "s") as writer:
        writer.put(make_clip("a", make_layout()))
    shutil.rmtree(tmp_path / "s")
    with pytest.raises(
        StoreMismatchError, match=r"s\.work/spool holds clips that were extracted with other settings"
    ):
        make_writer(tmp_path / "s", facts=make_facts(fps=5))
    with make_writer(tmp_path / "s") as writer:  # the same settings may go on
        assert writer.outcome("a").status == "ok"


def test_one_writer_at_a_time_also_through_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "s")
    assert not is_being_written(tmp_path / "s")
    with make_writer(tmp_path / "s"):
        assert is_being_written(tmp_path / "s")
        assert is_being_written(tmp_path / "link")
        with pytest.raises(StoreBusyError, match="another run is writing"):
            make_writer(tmp_path / "link")
    assert not is_being_written(tmp_path / "s")
    with make_writer(tmp_path / "link"):
        pass


def test_opening_removes_what_an_interrupted_write_left_and_nothing_else(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    before = files_of(tmp_path / "s")
    leftovers = ["features.zarr/boxes/c.7.0.0.0", "shards/000007.json.partial", "manifest.json.partial"]
    for name in [*leftovers, "film.mp4.partial", "notes.txt"]:
        (tmp_path / "s" / name).write_bytes(b"?")
    with make_writer(tmp_path / "s", "a"):
        pass
    assert files_of(tmp_path / "s") == before | {"film.mp4.partial": b"?", "notes.txt": b"?"}


def test_a_folder_with_other_things_is_no_store(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/film.mp4.partial").write_bytes(b"?")
    with pytest.raises(StoreError, match=r"is no store and not empty \(film.mp4.partial\)"):
        make_writer(tmp_path / "s")
    assert (tmp_path / "s/film.mp4.partial").exists()


def test_damage_in_the_spool_costs_that_clip_only(tmp_path, caplog):
    with make_writer(tmp_path / "s") as writer:
        for clip_id in "ab":
            writer.put(make_clip(clip_id, make_layout()))
        path = writer.spool._path("a")
    for content in (b"", path.read_bytes()[:100], b"\0" * 100):
        path.write_bytes(content)
        with make_writer(tmp_path / "s") as writer:
            assert [writer.outcome(clip_id).status for clip_id in "ab"] == ["pending", "ok"]
    assert "is damaged" in caplog.text


def test_a_store_that_lost_its_facts_is_not_taken_for_a_new_one(tmp_path):
    write_store(tmp_path / "s", make_facts(), [make_clip("a", make_layout())])
    (tmp_path / "s/store.json").unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"store\.json"):
            make_writer(tmp_path / "s", facts=make_facts(fps=5))
        (tmp_path / "s/manifest.json").unlink(missing_ok=True)


def test_a_folder_that_cannot_be_written_is_an_error_with_advice(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("store.durable.make_folder", refuse)
    with pytest.raises(StoreError, match=r"cannot be written: .*Permission denied.*give another STORE"):
        make_writer(tmp_path / "s")


def test_work_lies_beside_the_store(tmp_path):
    assert work_folder(tmp_path / "a" / "s") == tmp_path / "a" / "s.work"
    assert work_folder(tmp_path / "a" / ".." / "s") == tmp_path / "s.work"
