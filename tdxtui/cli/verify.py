"""`tdxtui verify` and `tdxtui explain`."""

from __future__ import annotations

import sys

import click

from tdxtui.cli import completing, options
from tdxtui.cli.guest_options import guest_state, possible, state
from tdxtui.cli.output import show, tell

VIEW = click.option(
    "--as", "view", type=click.Choice(["guest", "tdcs"]),
    help="Who read the dump: the guest, or the host (TDH.MNG.RD, KVM_TDX_GET_CPUID); by default as its content tells.",
)


@click.command()
@click.argument("model", shell_complete=completing.models)
@click.argument("dump")
@options.module
@options.platform
@VIEW
@guest_state
@options.as_json
@options.quiet
def verify(
    model: str, dump: str, module: str | None, platform: str | None, view: str | None, cr4: str | None,
    xcr0: str | None, xss: str | None, td_ctls: str | None, paravirt: str | None, vcpu: int | None, as_json: bool,
    quiet: bool,
) -> None:
    """Hold a TD's real CPUID, a DUMP, against what MODEL predicts; each difference is told with its cause.

    Exit status 0 if all is as predicted, 1 if something differs. What the run time and the guest decide is no
    difference. Without options for the guest's state the likeliest one is taken.

    \b
    tdxtui verify web-tier.toml guest.txt                  guest.txt: cpuid -r, run in the TD
    tdxtui verify web-tier.toml guest.txt -m 1.5.34 -q     for scripts
    """
    from tdxtui import sources
    from tdxtui.verify.check_dump import verify as verified
    from tdxtui.verify.observed import read
    from tdxtui.verify.verify_text import data, text

    source, situation = sources.situation(sources.find(model), module, platform)
    guest = state(cr4, xcr0, xss, td_ctls, paravirt, vcpu)
    possible(guest, situation.module)
    found = verified(situation, read(dump, view), guest)
    if not quiet:
        tell(source.notes)
        show(data(found) if as_json else None, () if as_json else text(found), as_json)
    if found.differences:
        sys.exit(options.FINDINGS)


@click.command()
@click.argument("host", shell_complete=completing.platforms)
@click.argument("guest")
@click.option(
    "--module", "-m", help="A module version or file; by default the one that explains the guest best.",
    shell_complete=completing.modules,
)
@VIEW
@options.as_json
def explain(host: str, guest: str, module: str | None, view: str | None, as_json: bool) -> None:
    """Say where each CPU feature went between HOST and GUEST: two dumps, or a CPU by name and a dump.

    \b
    tdxtui explain host.txt guest.txt
    tdxtui explain granite-rapids guest.txt -m 1.5.06
    """
    from tdxtui.verify.host_guest import explained
    from tdxtui.verify.host_guest_text import data, text

    found = explained(host, guest, module, view)
    show(data(found) if as_json else None, () if as_json else text(found), as_json)
