"""The files that describe the environment agree with each other, and set-up explains itself."""

import ast
import re
import sys
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from scripts import set_up

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"all": ROOT / "requirements.lock", "train": ROOT / "requirements-train.lock"}
_PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\\n(?P<hashes>(?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE
)


def pins(part):
    """{name: (version, hashes)} of a lock file."""
    found = _PIN.finditer(LOCKS[part].read_text())
    return {
        pin["name"]: (pin["version"], frozenset(re.findall(r"sha256:\w+", pin["hashes"]))) for pin in found
    }


def requirements(part):
    """The direct requirements that a lock file is compiled from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    if part == "all":
        lines += project["project"]["optional-dependencies"]["extract"]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("part", LOCKS)
def test_every_requirement_is_locked_within_its_bounds(part):
    locked = pins(part)
    for requirement in requirements(part):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{LOCKS[part].name} lacks {name}: run make lock"
        assert requirement.specifier.contains(locked[name][0]), (
            f"{name}: {locked[name][0]}, expected {requirement}"
        )


@pytest.mark.parametrize("part", LOCKS)
def test_locks_hold_nothing_but_pins_with_hashes(part):
    text = LOCKS[part].read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "--hash=sha256:"))]
    assert len(lines) == len(pins(part)), "a line that is not `name==version` with hashes"
    assert "://" not in text, "an address: the lock must leave the choice of index to pip"
    assert "#    make lock" in text, "the header no longer says how to make the file again"


def test_train_lock_is_a_part_of_the_full_lock():
    full, train = pins("all"), pins("train")
    assert train.items() <= full.items()
    assert {"torch", "zarr", "pytorch-lightning", "pytest", "ruff", "mypy"} <= train.keys()
    assert not {"decord", "mmcv-lite", "mmengine", "mmpose", "ultralytics"} & train.keys()


@pytest.mark.parametrize("part", LOCKS)
def test_compromised_lightning_is_not_locked(part):
    locked = pins(part)
    assert locked["pytorch-lightning"][0] not in {"2.6.2", "2.6.3"}
    assert "lightning" not in locked


@pytest.mark.parametrize("part", LOCKS)
def test_the_libgl_builds_of_opencv_are_not_locked(part):
    assert not {"opencv-python", "opencv-contrib-python"} & pins(part).keys()


def test_conda_environment_is_the_same_python_and_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *packages, pip_section = environment["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert environment["name"] == "heatpool"  # the Makefile recognises it by this name
    assert packages == ["python=3.11", "pip", "make"]
    assert pip_section == {"pip": ["-r requirements.lock"]}
    assert SpecifierSet(project["requires-python"]) == SpecifierSet("==3.11.*")
    assert set_up.PYTHON == (3, 11)


def test_running_environment_is_the_locked_one():
    # a package that somebody changed by hand makes every other result of this suite doubtful;
    # purelib by name: pkg_resources, once imported, adds the old packages inside setuptools to sys.path
    packages = distributions(path=[sysconfig.get_path("purelib")])
    installed = {canonicalize_name(package.name): package.version for package in packages}
    part = "all" if "mmpose" in installed else "train"
    expected = {name: version for name, (version, _) in pins(part).items()}
    wrong = {
        name: (installed.get(name), expected[name])
        for name in expected
        if installed.get(name) != expected[name]
    }
    assert not wrong, (
        f"{{name: (found, expected)}} of what differs from {LOCKS[part].name}: {wrong}; run make setup"
    )


def test_set_up_parses_on_python_3_8():
    ast.parse((ROOT / "scripts" / "set_up.py").read_text(), feature_version=(3, 8))


def test_wrong_python_is_told_how_to_get_the_right_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["set_up", "--environment", str(tmp_path / "env")])
    # only the module's own view of sys: pytest and argparse keep the true one
    faked = SimpleNamespace(version_info=(3, 12, 1), executable="/usr/bin/python3.12", stderr=sys.stderr)
    monkeypatch.setattr(set_up, "sys", faked)

    assert set_up.main() == 1

    message = capsys.readouterr().err
    assert "is Python 3.12; expected Python 3.11" in message
    for way in ("environment.yml", "uv python install", "pyenv install", "apt install", "make setup PYTHON="):
        assert way in message


def test_wrong_platform_is_refused():
    with pytest.raises(
        set_up.SetupError, match="Darwin on arm64; the lock files hold wheels for Linux on x86_64"
    ):
        set_up.check_platform("Darwin", "arm64")


@pytest.mark.parametrize(
    ("wanted", "there", "part"),
    [
        (None, "", "all"),
        (None, set_up.UNFINISHED, "all"),
        (None, "train 12ab", "train"),
        (None, "all 12ab", "all"),
        ("train", "", "train"),
        ("train", "all 12ab", "all"),
        ("all", "train 12ab", "all"),
    ],
)
def test_a_part_grows_and_never_shrinks(wanted, there, part):
    assert set_up.choose_part(wanted, there) == part


@pytest.fixture
def tools(monkeypatch):
    """Replace venv and pip; the list says which of them ran, in order."""
    calls = []

    def fake_venv(folder):
        calls.append("venv")
        (folder / "bin").mkdir(exist_ok=True)
        (folder / "bin" / "python").touch()

    monkeypatch.setattr(set_up, "make_virtual_environment", fake_venv)
    monkeypatch.setattr(set_up, "install", lambda folder, lock: calls.append(lock.name))
    return calls


def test_second_run_does_nothing_and_a_new_lock_is_installed(tools, monkeypatch, tmp_path):
    env, lock = tmp_path / "env", tmp_path / "requirements.lock"
    monkeypatch.setitem(set_up.LOCKS, "all", lock)
    lock.write_text("torch==1\n")

    assert "ready" in set_up.set_up(env, None)
    assert "up to date" in set_up.set_up(env, None)
    assert tools == ["venv", "requirements.lock"]

    lock.write_text("torch==2\n")
    assert "ready" in set_up.set_up(env, None)
    assert tools == ["venv", "requirements.lock", "requirements.lock"]


def test_train_is_a_part_of_all(tools, tmp_path):
    env = tmp_path / "env"
    assert "ready: train" in set_up.set_up(env, "train")
    assert "WITH=all" in set_up.set_up(env, None)
    assert "ready: all" in set_up.set_up(env, "all")
    assert "train is a part of it" in set_up.set_up(env, "train")
    assert tools == ["venv", "requirements-train.lock", "requirements.lock"]


def test_killed_set_up_starts_over(tools, monkeypatch, tmp_path):
    env = tmp_path / "env"

    def killed(folder, lock):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(set_up, "install", killed)
        with pytest.raises(KeyboardInterrupt):
            set_up.set_up(env, None)

    assert "ready" in set_up.set_up(env, None)
    assert tools == ["venv", "venv", "requirements.lock"]


def test_foreign_folder_is_left_alone(tools, tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(set_up.SetupError, match="did not make"):
        set_up.set_up(tmp_path, None)
    assert tools == []
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_conda_environment_is_used_as_it_is(tools, monkeypatch, tmp_path):
    (tmp_path / "conda-meta").mkdir()
    monkeypatch.setattr(set_up, "version_of", lambda python: (3, 11))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()

    assert "ready" in set_up.set_up(tmp_path, None)  # pip finds everything there
    assert "up to date" in set_up.set_up(tmp_path, None)
    assert tools == ["requirements.lock"]
