"""Training: guides, optimisers, loops of batches, searches, expectation maximisation."""
