"""Posteriors over programs: objects, exhaustive search, what programs compute."""
