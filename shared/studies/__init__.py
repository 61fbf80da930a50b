"""Experiments of many short trainings, stored in ``data/`` for the lessons to read."""
