"""`python -m tdxtui` is the command line."""

from tdxtui.cli import main

main()
