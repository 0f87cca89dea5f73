"""The program's entry: the command line, loaded without looking for garbage.

Collecting garbage while modules load finds none and costs a fifth of a start; what runs for long turns it on again.
"""

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    gc.disable()
    from tdxtui import cli

    cli.main()
