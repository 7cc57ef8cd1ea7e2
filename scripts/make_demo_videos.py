"""Draw the demo's videos, each with what is true of it beside it; what is there is kept: `make videos`."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path

from scripts.demo_videos.actions import ACTIONS
from scripts.demo_videos.clips import CONDITIONS, FIRST_TRAINING_SEED, plan_clips
from scripts.demo_videos.write import is_written, write_clip
from scripts.logs import log_to_stderr
from scripts.processes import start_pool
from scripts.progress import counted
from store.durable import make_folder

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw what the command line asks for; return 0 done, 1 error, 130 stopped and resumable."""
    options = _parse(argv)
    log_to_stderr()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _draw(options)
    except (ValueError, OSError) as error:
        logger.error("%s", error)
        return 1
    except KeyboardInterrupt:
        logger.error("stopped; the same command goes on")
        return 130
    print(options.out)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.make_demo_videos", description=__doc__)
    parser.add_argument(
        "--size", choices=("small", "full"), default="small", help="300 or 2700 clips (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="other seeds: other people (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, help="folder (data/raw/demo, data/raw/demo_full)")
    parser.add_argument("--actions", help="with commas between (all); of " + ", ".join(ACTIONS))
    parser.add_argument(
        "--conditions",
        default="normal",
        help="as many clips of each; of " + ", ".join(CONDITIONS) + " (%(default)s)",
    )
    parser.add_argument("--limit", type=int, help="only the first so many clips")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: %(default)s")
    options = parser.parse_args(argv)
    options.actions = options.actions.split(",") if options.actions else list(ACTIONS)
    options.conditions = options.conditions.split(",")
    for names, known in ((options.actions, list(ACTIONS)), (options.conditions, CONDITIONS)):
        if unknown := [name for name in names if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}; expected some of {', '.join(known)}")
    if not 0 <= options.seed < FIRST_TRAINING_SEED:
        parser.error(
            f"--seed {options.seed}; expected 0 to {FIRST_TRAINING_SEED - 1}: "
            "the demo's networks were trained on the people of the others"
        )
    for name in ("limit", "processes"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)}; expected 1 or more")
    options.out = options.out or Path("data/raw") / {"small": "demo", "full": "demo_full"}[options.size]
    return options


def _draw(options: argparse.Namespace) -> None:
    plans = plan_clips(options.size, options.seed, conditions=options.conditions, actions=options.actions)
    wanted = [*plans][: options.limit]
    missing = [plan for plan in wanted if not is_written(plan, options.out)]
    make_folder(options.out.absolute())
    logger.info("%s: %d of %d clips to draw", options.out, len(missing), len(wanted))
    if not missing:
        return
    with start_pool(options.processes) as pool:
        drawn = [pool.submit(write_clip, plan, options.out) for plan in missing]
        try:
            for future in counted(as_completed(drawn), total=len(drawn), unit="clip"):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    sys.exit(main())
