"""One run of a learned program on one input, step by step."""
