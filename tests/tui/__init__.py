"""The screen, driven through Textual's Pilot."""
