"""The screen. Nothing outside this package knows Textual."""
