"""Which model, module and platform a command means."""

from __future__ import annotations

from pathlib import Path

from tdxtui import library, model_file
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel

DEFAULT_PRESET = "kvm-sapphire-rapids"
DEFAULT_MODULE = "1.5.06"
NO_PLATFORM = "none"


def find(model: str | None, module: str | None, platform: str | None) -> Situation:
    """The situation of a model (file or preset; None: the first preset), where not given on its own module and CPU.

    Raises TdxtuiError for what can't be found or read.
    """
    found = find_model(model or DEFAULT_PRESET)
    on = library.module(module or found.module or DEFAULT_MODULE)
    cpu = found.platform if platform is None else platform
    return evaluate(found, on, library.platform(cpu) if cpu and cpu != NO_PLATFORM else None)


def find_model(name: str) -> VcpuModel:
    """The model of a file, or the preset of that name."""
    presets, path = library.presets(), Path(name)
    if path.exists() or name not in presets:
        if not path.exists() and path.suffix != ".toml":
            raise TdxtuiError(f"there is no file or preset {name!r}; presets are {', '.join(presets)}")
        return model_file.load(path)
    return model_file.load_fast(presets[name])
