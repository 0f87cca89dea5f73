"""The names of CPUID's fields: which bit a name means, what a bit is called, and what it is for.

Three tables are the source: ``data/catalog/fields.csv`` (position and the names that QEMU, libvirt, Linux and kcpuid
use; positions follow the SDM), ``data/catalog/leaves.csv`` (titles, and what the SDM reserves as a whole) and
``data/catalog/sentences.csv`` (a sentence for each field). They are read on first use and kept; objects are made only
for what is asked, since screens paint from here.
"""

from tdxtui.catalog.lookup import AmbiguousName, UnknownName, find
from tdxtui.catalog.named import RESERVED, Named, fields_of, has_subleaves, name_at, named_at, sentence, title
from tdxtui.catalog.needs import needs
from tdxtui.catalog.tables import rows
from tdxtui.catalog.text_search import search

__all__ = [
    "RESERVED",
    "AmbiguousName",
    "Named",
    "UnknownName",
    "fields_of",
    "find",
    "has_subleaves",
    "name_at",
    "named_at",
    "needs",
    "rows",
    "search",
    "sentence",
    "title",
]
