"""Training: guides, optimisers, loops of batches, expectation maximisation."""
