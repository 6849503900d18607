"""Strategies and their parts: what each site of a model yields."""
