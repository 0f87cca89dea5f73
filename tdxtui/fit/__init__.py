"""The nearest legal model to a source, and what became of each of its wishes."""

from tdxtui.fit.demands import Demand, Demands
from tdxtui.fit.fitting import Fit, fit
from tdxtui.fit.target import Target, Unfit

__all__ = ["Demand", "Demands", "Fit", "Target", "Unfit", "fit"]
