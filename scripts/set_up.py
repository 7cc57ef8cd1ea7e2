"""Make the Python environment from the lock file: what `make setup` runs, and every other target first.

Standard library only, and understood by every Python from 3.8, so that a wrong Python can say what is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)
LOCKS = {"all": ROOT / "requirements.lock", "train": ROOT / "requirements-train.lock"}
STAMP = "heatpool-setup"  # in the environment's folder: "<part> <sha256 of its lock>", or UNFINISHED
UNFINISHED = "unfinished"
GIGABYTES = 7  # a full environment takes 6, pip's unpacking some more

WAYS_TO_PYTHON = """\
Ways to get it:
  conda or mamba    PIP_NO_DEPS=1 conda env create -f environment.yml && conda activate heatpool
  uv                uv python install 3.11
  pyenv             pyenv install 3.11 && pyenv local 3.11
  Debian, Ubuntu    apt install python3.11 python3.11-venv   (Ubuntu: from the deadsnakes PPA)
  Fedora, RHEL      dnf install python3.11
Then: make setup PYTHON=/path/to/python3.11   (without PYTHON, python3.11 is looked for on the PATH)"""


class SetupError(Exception):
    """The environment cannot be made as things are; the message says what to do next."""


def check_python(version: tuple[int, int], executable: str) -> None:
    """Raise SetupError, with the ways to get the right one, unless ``version`` is the locks' own."""
    if version != PYTHON:
        found, expected = (".".join(map(str, numbers)) for numbers in (version, PYTHON))
        raise SetupError(
            f"{executable} is Python {found}; expected Python {expected}, as the lock files.\n"
            f"{WAYS_TO_PYTHON}"
        )


def check_platform(system: str, machine: str) -> None:
    """Raise SetupError unless the locked wheels can run here."""
    if (system, machine) != ("Linux", "x86_64"):
        raise SetupError(
            f"This is {system} on {machine}; the lock files hold wheels for Linux on x86_64.\n"
            "Work on such a machine, in WSL 2 or in a container."
        )


def stamp_text(part: str) -> str:
    """What the stamp of a finished environment says."""
    return f"{part} {hashlib.sha256(LOCKS[part].read_bytes()).hexdigest()}"


def choose_part(wanted: str | None, stamp: str) -> str:
    """Which lock to install: what is asked for and what is there already, whichever is more."""
    there = stamp.split(" ")[0]
    return "all" if "all" in (wanted, there) else wanted or (there if there in LOCKS else "all")


def check_is_ours(folder: Path) -> None:
    """Raise SetupError if ``folder`` holds something that is neither ours nor a conda environment."""
    is_known = (folder / STAMP).exists() or (folder / "conda-meta").is_dir()
    if folder.exists() and not is_known and any(folder.iterdir()):
        raise SetupError(
            f"{folder} holds something that `make setup` did not make; expected nothing there.\n"
            f"Move it away or remove it (rm -r {folder}), or take another place: make setup ENVIRONMENT=/path"
        )


def version_of(python: Path) -> tuple[int, int]:
    """Major and minor version of the interpreter at ``python``."""
    command = [str(python), "-c", "import sys; print(*sys.version_info[:2])"]
    major, minor = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split()
    return int(major), int(minor)


def make_virtual_environment(folder: Path) -> None:
    """Fill ``folder`` with an empty virtual environment, in the place of what an earlier run left there."""
    check_python(sys.version_info[:2], sys.executable)
    print(f"Making {folder} with Python {platform.python_version()}", flush=True)
    for path in folder.iterdir():
        if path.name == STAMP:  # it says that the folder is ours to clear, so it outlives the clearing
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    free = shutil.disk_usage(folder).free / 1e9
    if free < GIGABYTES:
        raise SetupError(
            f"{folder}: {free:.1f} GB are free, expected {GIGABYTES}. Make room, or make {folder.name} "
            "a link to a folder on a larger disk, and run the same command again."
        )
    # an activated environment puts its own python first on the PATH; build from the one beneath it
    python = getattr(sys, "_base_executable", sys.executable)
    if subprocess.run([python, "-m", "venv", str(folder)], check=False).returncode != 0:
        raise SetupError(
            f"`{python} -m venv` failed, see above. On Debian and Ubuntu: apt install python3.11-venv; "
            "elsewhere give a complete Python 3.11: make setup PYTHON=/path/to/python3.11"
        )


def install(folder: Path, lock: Path) -> None:
    """Install ``lock`` with the environment's own pip."""
    print(f"Installing {lock.name}; pip's last step, unpacking, is silent for about two minutes", flush=True)
    # -s: packages in the user's home must not count as installed
    pip = [str(folder / "bin" / "python"), "-s", "-m", "pip", "--disable-pip-version-check", "install"]
    # --no-deps: the lock is complete, and some packages ask for others that nothing uses (pyproject.toml);
    # --no-compile: saves a minute, Python compiles what it imports at first use
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
    status = subprocess.run([*pip, *options, "-r", str(lock)], check=False).returncode
    if status != 0:
        raise SetupError(
            f"pip stopped with status {status}, see above; expected it to install {lock.name}. If the "
            "network, the proxy or the disk was the reason, run the same command again: downloads are kept."
        )


def set_up(folder: Path, wanted: str | None) -> str:
    """Bring the environment in ``folder`` to its lock; return a line about what was done."""
    import fcntl  # Windows has none, and check_platform has spoken there

    check_is_ours(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / STAMP).open("a+") as stamp_file:
        fcntl.flock(stamp_file, fcntl.LOCK_EX)  # two makes in two terminals: the second one waits
        stamp_file.seek(0)
        stamp = stamp_file.read()

        def write_stamp(text: str) -> None:
            stamp_file.truncate(0)
            stamp_file.write(text)
            stamp_file.flush()

        part = choose_part(wanted, stamp)
        python = folder / "bin" / "python"
        if stamp == stamp_text(part) and python.exists():
            more = " (train is a part of it)" if wanted == "train" and part == "all" else ""
            hint = "; WITH=all adds what extraction needs" if part == "train" else ""
            return f"{folder.name} is up to date: {part}{more}{hint}"

        if (folder / "conda-meta").is_dir():
            check_python(version_of(python), str(python))
            if stamp == UNFINISHED:  # pip takes a half-installed package for a whole one
                raise SetupError(
                    f"{folder}: an earlier set-up was killed half way. Make the environment anew:\n"
                    f"conda env remove -p {folder}, then PIP_NO_DEPS=1 conda env create -f environment.yml"
                )
            write_stamp(UNFINISHED)
        else:
            write_stamp(UNFINISHED)
            if stamp in ("", UNFINISHED) or not python.exists():
                make_virtual_environment(folder)
        install(folder, LOCKS[part])
        write_stamp(stamp_text(part))
    return f"{folder.name} is ready: {part}"


def main() -> int:
    """Parse, check, set up; 0 done, 1 error, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.set_up", description="Install the locked packages."
    )
    parser.add_argument(
        "--with",
        dest="part",
        choices=list(LOCKS),
        help="everything, or what reading and training need (default: what is there already, else all)",
    )
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv", help="folder (default: .venv)")
    parser.add_argument("--quiet", action="store_true", help="say nothing when there is nothing to do")
    args = parser.parse_args()
    started = time.perf_counter()
    try:
        check_platform(platform.system(), platform.machine())
        line = set_up(args.environment.absolute(), args.part)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the same command starts over, with the downloads kept", file=sys.stderr)
        return 130
    if not (args.quiet and "up to date" in line):
        print(f"setup: {line} ({time.perf_counter() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
