"""The trainings behind HP-Net's tables: what differs between their lines."""

from dataclasses import dataclass

_Choices = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Training:
    """One line's training.

    Args:
        name: of its folder.
        title: of its line.
        choices: in which its recipe differs from the others'.
    """

    name: str
    title: str
    choices: _Choices

    @property
    def is_hpnet(self) -> bool:
        return ("stream", "hpnet") in self.choices


def _hpnet(name: str, title: str, **choices: object) -> Training:
    return Training(f"hpnet-{name}", title, (("stream", "hpnet"), *choices.items()))


_TEXT_RGB = _hpnet("none", "text + RGB", fusion="none")
_FULL = _hpnet("trmm", "… + TRMM + SMCLM, release", fusion="trmm", streams="release")
_JOINT = {"streams": "joint"}

FUSIONS = (
    _TEXT_RGB,
    _hpnet("attention-joint", "… + FPM, cross attention", fusion="cross_attention", **_JOINT),
    _hpnet("film-joint", "… + FPM, FiLM", fusion="film", **_JOINT),
    _hpnet("trmm-joint", "… + FPM, TRMM, release", fusion="trmm", **_JOINT),
    _hpnet("trmm-paper-joint", "… + FPM, TRMM, paper", fusion="trmm_paper", **_JOINT),
    _FULL,
    _hpnet("trmm-paper", "… + TRMM + SMCLM, paper", fusion="trmm_paper", streams="paper"),
)
DETECTED = (_TEXT_RGB, _FULL)
HARD = (_TEXT_RGB, _FULL)
STREAMS = (
    *(Training(name, name, (("stream", name),)) for name in ("hpj", "hpb", "hpjm", "hpbm")),
    _FULL,
)
