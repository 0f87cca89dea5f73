"""The richest model that every CPU and module of a migration pool can run, and what each of them costs."""

from tdxtui.baseline.hosts import Host, gather
from tdxtui.baseline.pool import Pool, pool

__all__ = ["Host", "Pool", "gather", "pool"]
