"""Tasks: what there is to learn, and what judges it."""
