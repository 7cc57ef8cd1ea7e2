"""The head of the page: what is known of a clip, in words."""

from scripts.pictures.clip_data import Clip
from scripts.pictures.look import GREY, person_colour, shorten
from scripts.pictures.page import TEXT_LEFT, TEXT_RIGHT, Page, TextStyle
from store.facts import StoreFacts


def draw_header(page: Page, clip: Clip, facts: StoreFacts) -> None:
    """Draw id, label, identity, length and size of a clip, and the persons' colours."""
    entry, outcome = clip.row.entry, clip.row.outcome
    names = [("subject", entry.subject), ("camera", entry.camera), ("setup", entry.setup)]
    names += [("replication", entry.replication)]
    who = [entry.label or "no label", *(f"{name} {value}" for name, value in names if value is not None)]
    who.append(f"status {outcome.status}" + (f" ({outcome.reason})" if outcome.reason else ""))
    seconds = outcome.num_frames / outcome.fps if outcome.num_frames and outcome.fps else None
    persons = int(clip.valid.any(0).sum()) if outcome.num_persons is None else outcome.num_persons
    clock = "every frame" if facts.layout.is_native else f"{clip.num_steps} sample times"
    what = [
        facts.dataset.title,
        f"{outcome.num_frames} frames" if outcome.num_frames else "unknown number of frames",
        f"{outcome.fps:.4g} fps" if outcome.fps else "unknown fps",
        *([f"{seconds:.2f} s"] if seconds else []),
        f"{outcome.width} x {outcome.height} px" if outcome.width else "unknown size",
        f"{persons} person{'' if persons == 1 else 's'}",
        f"clock: {clock}",
    ]
    place = TEXT_RIGHT
    for person in reversed(range(clip.num_persons)):
        style: TextStyle = {
            "color": person_colour(person),
            "size": 9.5,
            "ha": "right",
            "va": "center",
            "weight": "bold",
        }
        page.text(place, f"● person {person}", down=0.1, **style)
        place -= 0.95
    page.text(TEXT_LEFT, shorten(entry.id, 80), down=0.1, size=15, weight="bold", va="center")
    page.text(TEXT_LEFT, shorten("   ·   ".join(who), 150), down=0.41, size=10, va="center")
    page.text(TEXT_LEFT, shorten("   ·   ".join(what), 165), down=0.64, size=8.5, va="center", color=GREY)
    page.top += 0.98
