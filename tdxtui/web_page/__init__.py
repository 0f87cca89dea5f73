"""A model as one page of HTML that asks for nothing else: the grid, a legend, every bit's reason, a search."""

from tdxtui.web_page.page import page

__all__ = ["page"]
