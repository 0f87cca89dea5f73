"""Which model, module and platform a command means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tdxtui import library, model_file
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform

T = TypeVar("T")

DEFAULT_PRESET = "kvm-sapphire-rapids"
DEFAULT_MODULE = "1.5.06"
NO_PLATFORM = "none"


def find(model: str | None, module: str | None, platform: str | None) -> Situation:
    """The situation of a model (file or preset; None: the default one), where not given on its own module and CPU.

    Raises TdxtuiError for what can't be found or read.
    """
    return of_model(find_model(model or DEFAULT_PRESET), module, platform)


def of_model(model: VcpuModel, module: str | None, platform: str | None) -> Situation:
    """The situation of a model, where not given on its own module and CPU."""
    return evaluate(model, module_of(model, module), platform_of(model, platform))


def module_of(model: VcpuModel, module: str | None, whose: str = "") -> Module:
    """The module given, by default the model's; `whose` is what an error calls the model."""
    if not module and model.module:
        return _named_in(whose or f"model {model.name!r}", "module", library.module, model.module)
    return library.module(module or DEFAULT_MODULE)


def platform_of(model: VcpuModel, platform: str | None, whose: str = "") -> Platform | None:
    """The CPU given, by default the model's; None for none."""
    if platform is None and model.platform not in ("", NO_PLATFORM):
        return _named_in(whose or f"model {model.name!r}", "platform", library.platform, model.platform)
    return library.platform(platform) if platform and platform != NO_PLATFORM else None


def _named_in(whose: str, key: str, load: Callable[[str], T], name: str) -> T:
    """What a model names; NotFound says whose word it is, if there is no such thing."""
    try:
        return load(name)
    except library.NotFound as error:
        raise library.NotFound(f"{whose}: {key}: {error}") from None


def find_model(name: str) -> VcpuModel:
    """The model of a file, or the preset of that name."""
    presets, path = library.presets(), Path(name)
    if path.exists() or name not in presets:
        if not path.exists() and path.suffix != ".toml":
            raise TdxtuiError(f"there is no file or preset {name!r}; presets are {', '.join(presets)}")
        return model_file.load(path)
    return model_file.load_fast(presets[name])
