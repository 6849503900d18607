"""Exact posteriors by shared work: programs that begin alike are run once."""
