"""Lessons: data that the engine judges, so that what they teach can't disagree with what a module does."""

from tdxtui.learn.lesson_file import Choice, Lesson, Step, in_order, lesson, lessons
from tdxtui.learn.predicate import Predicate
from tdxtui.learn.stand import Stand

__all__ = ["Choice", "Lesson", "Predicate", "Stand", "Step", "in_order", "lesson", "lessons"]
