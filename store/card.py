"""The README.md that every store carries: what it is, how to open it, what may be done with it."""

import textwrap
from collections import Counter
from collections.abc import Sequence

from store.facts import StoreFacts
from store.schema import FORMAT_VERSION, array_specs
from store.table import NOT_RIGHT, ClipRow


def render_card(facts: StoreFacts, rows: Sequence[ClipRow]) -> bytes:
    """Return the card as Markdown."""
    dataset = facts.dataset
    statuses = Counter(row.outcome.status for row in rows)
    expected = f" of {dataset.num_expected} in the dataset" if dataset.num_expected else ""
    tap = next(iter(facts.layout.taps), None)
    specs = array_specs(facts.layout)
    lines = [
        f"# {dataset.title}: {'heatmap-pooled features' if tap else 'poses'}",
        "",
        f"{len(rows)} clips{expected}: "
        + ", ".join(f"{count} {status}" for status, count in statuses.most_common()),
        "",
        f"Format version {FORMAT_VERSION}. `store.json`: the facts about the whole. "
        "`clips.jsonl`: one line per clip. `shards/`: what was written when and by which software. "
        "`manifest.json`: every file with its sha256.",
        "",
        "## Open it",
        "```python",
        "import json, zarr",
        "clips = [json.loads(line) for line in open('clips.jsonl', encoding='utf-8')]",
        "features = zarr.open_group('features.zarr', mode='r')",
    ]
    example = specs[0].name
    # the first clip with data, for those without have no start
    place = next((place for place, row in enumerate(rows) if row.outcome.start is not None), 0)
    if facts.layout.is_native:
        span = f"clips[{place}]['start'] : clips[{place}]['start'] + clips[{place}]['num_steps']"
    else:
        span = f"clips[{place}]['start']"
    lines.append(f"x = features['{example}'][{span}]  # the start of a clip without data is null")
    lines += [
        "```",
        "",
        "## Arrays",
        "",
        "| array | axes | shape without the first axis | type | content |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{spec.name}` | {', '.join(spec.axes)} | {' x '.join(map(str, spec.shape_tail)) or '-'} "
        f"| {spec.dtype} | {spec.meaning} |"
        for spec in specs
    ]
    lines += ["", f"Joints: {', '.join(facts.skeleton.joint_names)}.", ""]
    if tap is not None:
        lines += [f"The default feature of the streams is the tap `{tap}`.", ""]
    lines += ["## Classes", "", ", ".join(dataset.class_names) or "none given", ""]
    if dataset.two_person_classes:
        lines += [f"Of two persons: {', '.join(dataset.two_person_classes)}.", ""]
    if dataset.protocols:
        lines += ["## Protocols", ""]
        for name in dataset.protocols:
            splits = Counter(row.entry.splits.get(name) for row in rows if name in row.entry.splits)
            lines.append(
                f"- `{name}`: " + ", ".join(f"{count} {split}" for split, count in sorted(splits.items()))
            )
        lines.append("")
    failed = [row for row in rows if row.outcome.status in NOT_RIGHT]
    if failed:
        lines += ["## What went wrong", ""]
        lines += [
            " ".join(f"- `{row.entry.id}`: {row.outcome.status}: {row.outcome.reason}".split())
            for row in failed[:20]
        ]
        if len(failed) > 20:
            lines.append(f"- and {len(failed) - 20} more: see `clips.jsonl`")
        lines.append("")
    lines += ["## Terms", "", textwrap.fill(dataset.terms, 100), ""]
    if not dataset.may_share:
        lines += [
            "**This store may not be passed on without permission**: it is made from the dataset's videos.",
            "",
        ]
    if dataset.homepage:
        lines += [f"Videos: {dataset.homepage}", ""]
    if facts.layout.crops:
        lines += [
            "This store holds pictures of people (`features.zarr/frames`). A copy without that folder is "
            "frame-free, not anonymous: people can be re-identified from the way they move.",
            "",
        ]
    return "\n".join(lines).encode("utf-8", "backslashreplace")
