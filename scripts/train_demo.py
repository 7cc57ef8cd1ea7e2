"""Train pooled features (hpj) and the 2-D pose (j) on the demo, side by side, and compare: `make demo`.

Both are one model of one recipe, on one thread each. What is finished is kept. Results: a table here and as
CSV, pictures, and a page that shows all of them.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from scripts.demo_results.bars import draw_bars
from scripts.demo_results.examples import choose_examples
from scripts.demo_results.kinds import Kinds, kinds_in_test
from scripts.demo_results.lines import Line, compare, render_table, table_csv, table_of
from scripts.demo_results.matrices import draw_matrices
from scripts.demo_results.page import render_page
from scripts.demo_results.strips import draw_strips
from scripts.side_by_side import exit_status, train_side_by_side
from store import StoreReader, open_store
from store.durable import write_file
from train.config import complete_recipe, parse_recipe
from train.graph_recipe import GraphRecipe
from train.run_folder import SCORES
from train.scores import load_scores
from train.splits import first_protocol

_STREAMS = ("hpj", "j")  # pooled features, and the baseline that they must beat
_GO_ON = """\
make show STORE={store} CLIP={clip}      # one clip: frames, poses, features
make train STREAM=hpb ARGS="--recipe {recipe}"      # another stream; README.md lists them
make probe STORE={store} PROTOCOL={protocol}      # what a linear classifier tells, in seconds
make extract DATASET=my_videos DETECTOR=yolov8n POSE=hrnet_w32_heatmap      # videos of your own"""


def main(argv: Sequence[str] | None = None) -> int:
    """Train, compare, draw; return 0 done, 1 error, 130 stopped and resumable."""
    options = _parse(argv)
    return exit_status(lambda: _tell(options))


def _tell(options: argparse.Namespace) -> None:
    reader = open_store(options.store)
    protocol = first_protocol(reader)
    choices = parse_recipe(options.recipe.read_text(encoding="utf-8"), str(options.recipe))
    recipes = {stream: complete_recipe(GraphRecipe, choices | {"stream": stream}) for stream in _STREAMS}
    folders = {stream: options.out / f"{stream}-{recipe.model}" for stream, recipe in recipes.items()}
    trainings = {folders[stream]: recipe for stream, recipe in recipes.items()}
    train_side_by_side(reader, protocol, trainings, num_processes=options.processes)
    lines = compare({stream: load_scores(folder / SCORES) for stream, folder in folders.items()})
    kinds = kinds_in_test(reader.facts.dataset.name, lines[0].metrics)
    cases = choose_examples(lines[0], lines[1], kinds)
    table = table_of(lines, kinds)
    for name, figure in (
        ("kinds.png", draw_bars(lines, kinds)),
        ("clips.png", draw_strips(reader, cases, lines[:2])),
        ("confusion.png", draw_matrices(lines, kinds)),
    ):
        write_file(options.out / name, _png(figure))
    write_file(options.out / "table.csv", table_csv(table).encode())
    page = options.out / "index.html"
    commands = _GO_ON.format(
        store=options.store, recipe=options.recipe, protocol=protocol, clip=cases[0].clip_ids[0]
    )
    write_file(page, _page(reader, protocol, recipes["hpj"], lines, kinds, table, commands).encode())
    print(render_table(table))
    print(f"\n{page}: open it in a browser; it shows this table, example clips and confusion matrices")


def _page(
    reader: StoreReader,
    protocol: str,
    recipe: GraphRecipe,
    lines: Sequence[Line],
    kinds: Kinds,
    table: Sequence[Sequence[str]],
    commands: str,
) -> str:
    rule = str(reader.facts.dataset.protocols[protocol].get("rule", ""))
    first, second = lines[0].name, lines[1].name
    story = [
        f"Videos became a store, and the store taught two networks. Both are the same: {recipe.model} of "
        f"width {recipe.width}, {recipe.epochs} epochs, seed {recipe.seed}. {first} sees the features of the "
        f"pose network, sampled at the joints; {second} sees where the joints are, the 2-D pose. "
        f"{lines[-1].name} is the mean of their probabilities.",
        f"{protocol}. {rule} One training each and {lines[0].metrics.num_expected} test clips: a few percent "
        "more or less mean little.",
    ]
    if len(kinds) > 1:
        story.append(
            "Some classes are told apart by pose. Some are told apart by the object alone: people, movement, "
            "place, camera and light are the very same, and who knows the movement but has to guess the "
            "object reaches the figure in grey. In the others two persons act on each other."
        )
    return render_page(
        f"{reader.facts.dataset.title}: what {first} and {second} tell",
        story,
        table,
        {
            "By kind of class": ("kinds.png", "How many of the test clips are right."),
            "Some clips": (
                "clips.png",
                "Drawn by lot, one of each kind of class where there is one. On the right the three classes "
                "that each network finds likeliest; the true one is green.",
            ),
            "What is taken for what": (
                "confusion.png",
                "A row is what clips are, a column what the scores say; a perfect matrix is a dark diagonal.",
            ),
        },
        commands,
        num_lines=len(lines),
    )


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.train_demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--store", default="data/stores/demo", help="folder or URL (default: %(default)s)")
    parser.add_argument(
        "--recipe",
        type=Path,
        default=Path("train/recipes/demo.json"),
        help="a JSON file of choices, as of `make train` (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/demo/story"),
        help="folder of all results (default: %(default)s)",
    )
    parser.add_argument("--processes", type=int, default=2, help="trainings at once (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.processes < 1:
        parser.error(f"--processes {options.processes}; expected 1 or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
