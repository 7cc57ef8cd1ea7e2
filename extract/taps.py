"""Taps: reading what a module inside a network returns, by its path."""

import difflib
from dataclasses import dataclass

from torch import Tensor, nn

from store.schema import split_tap

SIMCC = "simcc"  # the pose head's coordinate vectors, x and y side by side: the tap that no module returns


@dataclass(frozen=True, slots=True)
class Tap:
    """A place in a network: ``module.path``, or ``module.path[i]`` where the module returns a list."""

    name: str
    module: str
    item: int | None


def parse_tap(name: str) -> Tap:
    """Read a tap's name.

    Raises:
        ValueError: it is not ``module.path`` or ``module.path[i]``.
    """
    return Tap(name, *split_tap(name))


class TapReader:
    """Keeps what the tapped modules of a network return in each forward pass.

    Raises:
        ValueError: the network has no such module; the message names the nearest ones.
    """

    def __init__(self, network: nn.Module, taps: list[Tap]) -> None:
        modules = dict(network.named_modules())
        self._values: dict[str, Tensor] = {}
        for tap in taps:
            if tap.module not in modules:
                near = difflib.get_close_matches(tap.module, modules, n=4, cutoff=0.4)
                raise ValueError(
                    f"the pose network has no module {tap.module!r} to tap; near: {', '.join(near)}"
                )
            modules[tap.module].register_forward_hook(self._hook(tap))

    def take(self, tap: Tap) -> Tensor:
        """Return what the last forward pass gave, once.

        Raises:
            ValueError: the forward pass did not run the module, or it returned no tensor there.
        """
        value = self._values.pop(tap.name, None)
        if value is None:
            raise ValueError(
                f"tap {tap.name!r}: the forward pass of the pose network returns no tensor there"
            )
        return value

    def _hook(self, tap: Tap):  # type: ignore[no-untyped-def]  # noqa: ANN202
        def keep(module: nn.Module, inputs: object, output: object) -> None:
            if tap.item is not None:
                items = output if isinstance(output, list | tuple) else []
                output = items[tap.item] if tap.item < len(items) else None
            if isinstance(output, Tensor):
                # a copy, now: later modules overwrite tensors (in-place ReLU) and lists (HRNet) that they get
                self._values[tap.name] = output.clone()

        return keep
