"""Runs: a task's program induced, judged, kept."""
