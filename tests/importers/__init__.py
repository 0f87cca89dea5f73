"""Importers: what they read, how they fail, and what they survive."""
