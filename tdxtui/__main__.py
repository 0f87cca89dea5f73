"""`python -m tdxtui` is the command line."""

from tdxtui.start import main

main()
