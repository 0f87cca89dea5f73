"""Which model, module and platform a command means."""

from __future__ import annotations

from pathlib import Path

from tdxtui import library, model_file
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.platform import Platform

DEFAULT_PRESET = "kvm-sapphire-rapids"
DEFAULT_MODULE = "1.5.06"
NO_PLATFORM = "none"


def find(model: str | None, module: str | None, platform: str | None) -> Situation:
    """The situation of a model (file or preset; None: the first preset), where not given on its own module and CPU.

    Raises TdxtuiError for what can't be found or read.
    """
    return of_model(find_model(model or DEFAULT_PRESET), module, platform)


def of_model(model: VcpuModel, module: str | None, platform: str | None) -> Situation:
    """The situation of a model, where not given on its own module and CPU."""
    on = library.module(module or model.module or DEFAULT_MODULE)
    return evaluate(model, on, platform_of(model, platform))


def platform_of(model: VcpuModel, platform: str | None) -> Platform | None:
    """The CPU given, by default the model's; None for none."""
    cpu = model.platform if platform is None else platform
    return library.platform(cpu) if cpu and cpu != NO_PLATFORM else None


def find_model(name: str) -> VcpuModel:
    """The model of a file, or the preset of that name."""
    presets, path = library.presets(), Path(name)
    if path.exists() or name not in presets:
        if not path.exists() and path.suffix != ".toml":
            raise TdxtuiError(f"there is no file or preset {name!r}; presets are {', '.join(presets)}")
        return model_file.load(path)
    return model_file.load_fast(presets[name])
