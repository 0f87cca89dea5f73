"""The shipped presets: legal where they say, and those that a command made are what it makes today."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tdxtui import check, cli, exporters, library, model_file, vmm
from tdxtui.evaluate import evaluate

PRESETS = sorted((Path(__file__).parents[1] / "presets").glob("*.toml"))


def made_by(text: str) -> list[str]:
    """The words of the command in a file's comments, [] for a file that was written by hand."""
    comments = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    after = "Dropped|Forced on|Other values|Left to|Lost to|MIGRATABLE"
    found = re.search(rf"Made by: tdxtui (.*?)(?: (?:{after})|$)", comments)
    return shlex.split(found[1]) if found else []


MADE = [path for path in PRESETS if made_by(path.read_text())]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.stem))
def test_a_preset_has_no_conflict_where_it_is_for_and_says_what_it_is_for(path: Path) -> None:
    model = model_file.load(path)
    platform = library.platform(model.platform) if model.platform else None
    assert evaluate(model, library.module(model.module), platform).conflict_count == 0
    assert model.name == path.stem
    assert len(model.description) > 30


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.stem))
def test_a_preset_that_a_command_made_is_what_it_makes_today(path: Path, tmp_path: Path) -> None:
    model, file = model_file.load(path), tmp_path / path.name
    words = ["--name", model.name, "--description", model.description, "-q", "-o", str(file)]
    done = CliRunner().invoke(cli.commands, [*made_by(path.read_text()), *words])
    assert done.exit_code == 0, done.output
    assert file.read_text() == path.read_text()


def test_the_pools_run_on_every_cpu_and_module_that_they_are_for() -> None:
    for preset in (path for path in MADE if path.stem.startswith("pool-")):
        words = made_by(preset.read_text())
        hosts = [word for word in words[1:] if word in library.files("platforms")]
        for module in [words[at + 1] for at, word in enumerate(words) if word == "--module"]:
            for host in hosts:
                model = model_file.load(preset)
                assert evaluate(model, library.module(module), library.platform(host)).conflict_count == 0


MODULES = list(library.files("modules"))
# The modules that a preset suits, from the first to the last, on the CPU that it names.
SUITS = {
    "debug-sapphire-rapids": ("1.5.01", "2.0.18"),
    "full-granite-rapids": ("1.5.16", "2.0.18"),
    "full-sapphire-rapids": ("1.5.01", "1.5.08"),
    "kvm-emerald-rapids": ("1.5.01", "1.5.08"),
    "kvm-granite-rapids": ("1.5.16", "2.0.18"),
    "kvm-sapphire-rapids": ("1.5.01", "2.0.18"),
    "lean-sapphire-rapids": ("1.5.05", "2.0.18"),
    "minimal": ("1.5.01", "2.0.18"),
    "perfmon-sapphire-rapids": ("1.5.01", "2.0.18"),
    "pool-spr-emr": ("1.5.01", "2.0.18"),
    "pool-spr-emr-gnr": ("1.5.01", "2.0.18"),
    "qemu-granite-rapids": ("1.5.16", "2.0.18"),
    "qemu-sapphire-rapids": ("1.5.01", "2.0.18"),
    "qemu-sierra-forest": ("1.5.06", "2.0.18"),
}
# What KVM 7.2 doesn't pass of a preset that isn't made for it; its description must say so.
NOT_FOR_KVM = {path.stem for path in PRESETS if path.stem.startswith(("debug", "full", "perfmon", "pool"))}
LAYERS = (("kvm", "7.2"), ("qemu", "10.2"), ("qemu", "11.1"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.stem))
def test_a_preset_suits_the_modules_that_it_is_for_and_no_others(path: Path) -> None:
    model, (first, last) = model_file.load(path), SUITS[path.stem]
    platform = library.platform(model.platform) if model.platform else None
    found = [name for name in MODULES if evaluate(model, library.module(name), platform).conflict_count == 0]
    assert found == MODULES[MODULES.index(first) : MODULES.index(last) + 1] and model.module in found


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.stem))
def test_a_preset_is_taken_by_kvm_and_qemu_or_says_that_it_isnt(path: Path) -> None:
    model = model_file.load(path)
    platform = library.platform(model.platform) if model.platform else None
    here = evaluate(model, library.module(model.module), platform)
    for kind, version in LAYERS:
        found = check.check(here, (vmm.layer(kind, version),))
        assert any(item.kind is check.Kind.VMM for item in found) is (path.stem in NOT_FOR_KVM), (kind, version)
    assert ("KVM 7.2 doesn't pass" in model.description or "KVM 7.2 passes less" in model.description) is (
        path.stem in NOT_FOR_KVM
    )


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.stem))
def test_a_preset_is_exported_to_vmms_without_loss_or_with_the_loss_told(path: Path) -> None:
    model = model_file.load(path)
    for name in ("qemu", "libvirt"):
        found = exporters.export(model, name)
        text = str(found.content)
        assert "validated" in text and "NOT VALIDATED" not in text
        assert all(loss in text for loss in found.losses)
    found = exporters.export(model, "kvm-tdx-init-vm")
    # KVM takes these by other calls; what it doesn't pass at all is told too.
    assert [loss.partition(" ")[0] for loss in found.losses[:2]] == ["tsc_mhz", "max_vcpus"]
    assert (len(found.losses) > 2) is (path.stem in NOT_FOR_KVM)
    assert exporters.export(model, "td-params").losses == ()
