"""The program's entry: the command line, loaded without looking for garbage.

Collecting garbage while modules load finds none and costs a fifth of a start; what runs for long turns it on again.
"""

import gc
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit; also while it loads an interrupt is no traceback.

    Nothing else is imported before: of the interpreter's own start not a millisecond is left to be interrupted in.
    """
    gc.disable()
    try:
        from tdxtui import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
