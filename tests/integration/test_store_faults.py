"""What a store survives (kills and power cuts) and what ``verify_store`` finds (any damage to any file)."""

import errno
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from store import durable
from store.errors import StoreDiskError, StoreError
from store.manifest import verify_store
from store.spool import SpooledClip
from store.writer import StoreWriter
from tests.store_makers import (
    EXECUTION,
    Clock,
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

NUM_CUTS = 20


class Killed(BaseException):
    """The process is gone; nothing it would do in ``except`` or ``finally`` happens."""


@dataclass
class Inode:
    """A file's content, or a folder, as the kernel sees it and as the disk has it."""

    is_folder: bool = False
    content: bytes = b""
    on_disk: bytes = b""
    is_synced: bool = False


@dataclass
class Disk:
    """Does what ``store/durable.py`` asks of ``os``, and keeps what of it would be there after a power cut.

    A file's content is on disk after fsync of the file; before that the disk has any part of it. A new,
    renamed or removed name is on disk after fsync of its folder; before that each one may or may not be.
    """

    kill_at: int | None = None
    num_operations: int = 0
    renamed: dict[Path, int] = field(default_factory=dict)  # target -> number of operations before
    seen: dict[Path, Inode] = field(default_factory=dict)
    kept: dict[Path, Inode] = field(default_factory=dict)
    waiting: dict[Path, list[dict[Path, Inode | None]]] = field(default_factory=dict)
    opened: dict[int, Path] = field(default_factory=dict)

    # what durable.py uses of os besides the recorded functions
    O_WRONLY, O_CREAT, O_TRUNC = os.O_WRONLY, os.O_CREAT, os.O_TRUNC
    O_RDONLY, O_DIRECTORY = os.O_RDONLY, os.O_DIRECTORY

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            self._step()
            inode = self.seen.setdefault(path, Inode())
            inode.content, inode.is_synced = b"", False
            self._change({path: inode})
        descriptor = os.open(path, flags, mode)
        self.opened[descriptor] = path
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        self._step()
        written = os.write(descriptor, data[: max(1, len(data) // 2)])  # short writes are allowed, too
        self.seen[self.opened[descriptor]].content += bytes(data[:written])
        return written

    def fsync(self, descriptor: int) -> None:
        self._step()
        path = self.opened[descriptor]
        if path.is_dir():
            for change in self.waiting.pop(path, []):
                self._apply(change)
        else:
            inode = self.seen[path]
            inode.on_disk, inode.is_synced = inode.content, True

    def close(self, descriptor: int) -> None:
        self.opened.pop(descriptor)
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self.renamed.setdefault(target, self.num_operations)
        self._step()
        source.replace(target)
        self.seen[target] = self.seen.pop(source)
        self._change({source: None, target: self.seen[target]})

    def mkdir(self, path: Path) -> None:
        self._step()
        path.mkdir()
        self.seen[path] = Inode(is_folder=True)
        self._change({path: self.seen[path]})

    def unlink(self, path: Path) -> None:
        self._step()
        path.unlink()
        del self.seen[path]
        self._change({path: None})

    def cut_power(self, base: Path, copy: Path, rng: random.Random) -> None:
        """Build in ``copy`` what could be left of ``base``."""
        for changes in self.waiting.values():
            for change in changes:
                if rng.random() < 0.5:
                    self._apply(change)
        copy.mkdir()
        for path, inode in sorted(self.kept.items()):
            target = copy / path.relative_to(base)
            if not target.parent.is_dir():
                continue  # its folder is lost
            if inode.is_folder:
                target.mkdir()
            elif inode.is_synced:
                target.write_bytes(inode.on_disk)
            else:
                target.write_bytes(inode.content[: rng.choice([0, rng.randint(0, len(inode.content))])])

    def _step(self) -> None:
        if self.kill_at is not None and self.num_operations >= self.kill_at:
            raise Killed
        self.num_operations += 1

    def _change(self, change: dict[Path, Inode | None]) -> None:
        (folder,) = {path.parent for path in change}
        self.waiting.setdefault(folder, []).append(change)

    def _apply(self, change: dict[Path, Inode | None]) -> None:
        for path, inode in change.items():
            if inode is None:
                self.kept.pop(path, None)
            else:
                self.kept[path] = inode


def make_clips(clock: Clock) -> list[SpooledClip]:
    """One longer than a unit, a whole unit of zeros, two that fail, one of which works the second time."""
    layout = make_layout(clock)
    steps = {"c0": 3, "c1": 21, "c3": 1, "c5": 8} if clock == "native" else {}
    clips = {f"c{n}": make_clip(f"c{n}", layout, steps.get(f"c{n}", 3), seed=n) for n in range(8)}
    clips["c2"] = make_failure("c2")
    clips["c4"] = SpooledClip("c4", clips["c4"].outcome, zeros_like(clips["c4"].arrays))
    clips["c5"] = SpooledClip("c5", clips["c5"].outcome, zeros_like(clips["c5"].arrays))
    clips["c7"] = make_failure("c7", "truncated")
    return list(clips.values())


def run(root: Path, clock: Clock, done: dict[str, int] | None = None, disk: Disk | None = None) -> None:
    """Extract what the store does not know, then try the failures again; note when each clip was kept."""
    facts, clips = make_facts(clock), make_clips(clock)
    order = [clip.id for clip in clips]
    for is_retry in (False, True):
        with StoreWriter(root, facts, make_entries(order), EXECUTION) as writer:
            if is_retry:
                writer.forget_failures(order)
            for clip in reversed(clips[:2]) if not is_retry else ():  # finished in another order
                put(writer, clip, done, disk)
            for clip in clips:
                again = make_clip("c2", facts.layout, 3, seed=99)
                put(writer, again if is_retry and clip.id == "c2" else clip, done, disk)
                writer.pack(order, last=False)
            writer.pack(order, last=True)


def put(writer: StoreWriter, clip: SpooledClip, done: dict[str, int] | None, disk: Disk | None) -> None:
    if writer.outcome(clip.id).status == "pending":
        writer.put(clip)
        if done is not None and disk is not None:
            done.setdefault(clip.id, disk.num_operations)


@pytest.fixture(params=[3, "native"])
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Clock:
    shrink_units(monkeypatch)
    return request.param


def record(monkeypatch: pytest.MonkeyPatch, kill_at: int | None = None) -> Disk:
    disk = Disk(kill_at)
    monkeypatch.setattr(durable, "os", disk)
    return disk


def stop_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = SimpleNamespace(**vars(os) | {"fsync": lambda descriptor: None})
    monkeypatch.setattr(durable, "os", fast)


def uninterrupted(
    base: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, bytes], Disk, dict[str, int]]:
    base.mkdir()
    disk, done = record(monkeypatch), {}
    run(base / "s", clock, done, disk)
    assert list(verify_store(base / "s")) == []
    return files_of(base / "s"), disk, done


def test_a_power_cut_costs_nothing(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    finished, whole, done = uninterrupted(tmp_path / "whole", clock, monkeypatch)
    rng = random.Random(20)
    for number, kill_at in enumerate(sorted(rng.sample(range(whole.num_operations), NUM_CUTS))):
        base = tmp_path / f"{number}"
        base.mkdir()
        disk = record(monkeypatch, kill_at)
        with pytest.raises(Killed):
            run(base / "s", clock)
        after = tmp_path / f"{number}-after"
        disk.cut_power(base, after, rng)

        stop_recording(monkeypatch)
        facts, ids = make_facts(clock), [clip.id for clip in make_clips(clock)]
        with StoreWriter(after / "s", facts, make_entries(ids), EXECUTION) as writer:
            lost = [
                clip_id
                for clip_id in ids
                if writer.outcome(clip_id).status == "pending" and done[clip_id] < kill_at
            ]
        run(after / "s", clock)

        assert lost == [], f"clips that were finished are gone after a cut at operation {kill_at}"
        assert files_of(after / "s") == finished, f"another store after a cut at operation {kill_at}"


def test_a_kill_and_later_a_power_cut_cost_nothing(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a killed run leaves names that the next one sees although they are not on disk yet
    finished, whole, _ = uninterrupted(tmp_path / "whole", clock, monkeypatch)
    rng = random.Random(21)
    for number in range(NUM_CUTS // 2):
        base = tmp_path / f"{number}"
        base.mkdir()
        first = rng.randrange(whole.num_operations)
        disk = record(monkeypatch, first)
        with pytest.raises(Killed):
            run(base / "s", clock)
        disk.kill_at = first + rng.randrange(whole.num_operations - first)
        try:
            run(base / "s", clock)
        except Killed:
            pass
        else:  # finished: all of it must be on disk
            disk.cut_power(base, tmp_path / f"{number}-after", rng)
            assert files_of(tmp_path / f"{number}-after" / "s") == finished
            continue
        disk.cut_power(base, tmp_path / f"{number}-after", rng)
        stop_recording(monkeypatch)
        run(tmp_path / f"{number}-after" / "s", clock)
        assert files_of(tmp_path / f"{number}-after" / "s") == finished, (first, disk.kill_at)


@pytest.mark.parametrize("where", ["s/shards/000000.json", "s.work/spool"])
def test_what_a_killed_run_left_is_on_disk_before_it_is_believed(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    _, whole, _ = uninterrupted(tmp_path / "whole", clock, monkeypatch)
    renamed = {
        path.relative_to(tmp_path / "whole").as_posix(): number for path, number in whole.renamed.items()
    }
    number = min(number for path, number in renamed.items() if path.startswith(where))
    base, ids = tmp_path / "base", [clip.id for clip in make_clips(clock)]
    base.mkdir()
    disk = record(monkeypatch, number + 1)  # the new name is seen, its folder is not synced
    with pytest.raises(Killed):
        run(base / "s", clock)
    disk.kill_at = None

    with StoreWriter(base / "s", make_facts(clock), make_entries(ids), EXECUTION) as writer:
        known = {clip_id for clip_id in ids if writer.outcome(clip_id).status != "pending"}
    nothing_unsynced_stays = random.Random()
    monkeypatch.setattr(nothing_unsynced_stays, "random", lambda: 1.0)
    disk.cut_power(base, tmp_path / "after", nothing_unsynced_stays)
    stop_recording(monkeypatch)
    with StoreWriter(tmp_path / "after" / "s", make_facts(clock), make_entries(ids), EXECUTION) as writer:
        still = {clip_id for clip_id in ids if writer.outcome(clip_id).status != "pending"}

    assert known
    assert still == known


def test_a_finished_store_is_on_disk(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    finished, disk, _ = uninterrupted(tmp_path / "whole", clock, monkeypatch)
    for seed in range(5):
        disk.cut_power(tmp_path / "whole", tmp_path / f"{seed}", random.Random(seed))
        assert files_of(tmp_path / f"{seed}" / "s") == finished


def test_a_full_disk_is_an_error_and_costs_nothing(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, whole, _ = uninterrupted(tmp_path / "whole", clock, monkeypatch)
    base = tmp_path / "full"
    base.mkdir()
    disk = record(monkeypatch)

    def no_space(descriptor: int, data: memoryview) -> int:
        if disk.num_operations > whole.num_operations // 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return Disk.write(disk, descriptor, data)

    monkeypatch.setattr(disk, "write", no_space)
    with pytest.raises(StoreDiskError, match=r"No space left .*make room and run the same command again"):
        run(base / "s", clock)
    stop_recording(monkeypatch)
    run(base / "s", clock)
    assert files_of(base / "s") == finished


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shrink_units(monkeypatch)
    write_store(tmp_path / "s", make_facts(), make_clips(3))
    return tmp_path / "s"


def test_verify_names_a_flipped_byte_in_any_file(store: Path) -> None:
    rng = random.Random(0)
    for name, content in files_of(store).items():
        for place in {0, len(content) - 1, rng.randrange(len(content))}:
            damaged = bytearray(content)
            damaged[place] ^= 1 << rng.randrange(8)
            (store / name).write_bytes(damaged)
            assert [problem.path for problem in verify_store(store)] == [name], place
        (store / name).write_bytes(content)
    assert list(verify_store(store)) == []


def test_verify_names_any_truncated_file(store: Path) -> None:
    for name, content in files_of(store).items():
        for length in {0, len(content) - 1}:
            (store / name).write_bytes(content[:length])
            assert [problem.path for problem in verify_store(store)] == [name]
        (store / name).write_bytes(content)


def test_verify_names_any_missing_file(store: Path) -> None:
    for name, content in files_of(store).items():
        (store / name).unlink()
        assert [problem.path for problem in verify_store(store)] == [name]
        (store / name).write_bytes(content)


@pytest.mark.parametrize(
    "name", ["notes.txt", "shards/000009.json", "features.zarr/boxes/c.9.0.0.0", "manifest.json.partial"]
)
def test_verify_names_an_extra_file(store: Path, name: str) -> None:
    (store / name).write_bytes(b"?")
    assert [problem.path for problem in verify_store(store)] == [name]


def test_verify_names_a_file_that_cannot_be_read(store: Path) -> None:
    (store / "README.md").unlink()
    (store / "README.md").symlink_to("nowhere")
    (problem,) = verify_store(store)
    assert (problem.path, problem.what) == ("README.md", "cannot be read: No such file or directory")


def test_the_writer_never_removes_shards_because_a_record_is_missing(store: Path) -> None:
    shards = {name for name in files_of(store) if name.startswith("features.zarr/")}
    (store / "shards/000000.json").unlink()

    with pytest.raises(StoreError, match=r"1 files are missing, shards/000000\.json"):
        run(store, 3)

    assert {name for name in files_of(store) if name.startswith("features.zarr/")} == shards


def test_a_lost_unit_is_extracted_again_when_its_record_and_the_manifest_are_deleted(store: Path) -> None:
    (store / "shards/000000.json").unlink()
    (store / "manifest.json").unlink()
    run(store, 3)
    assert list(verify_store(store)) == []
