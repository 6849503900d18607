"""Programs are really learned, from real digits and sums alone."""

import torch

from ntpt_pyro import find_task, induce


def test_a_program_is_learned_from_sums():
    # The defaults are right in 10 of 10 recorded runs (experiments/results/rates/sample.json). This is a
    # smaller search; a restart finds the program with probability above one half, so that all eight of
    # three rounds fail less than once in 10^7 runs.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = induce(find_task("add2x2/top"), restarts=8, steps=600, examples=800)
    finally:
        torch.set_num_threads(threads)
    assert found.result.program_correct
    assert found.result.restarts_correct >= 1
    # The best constant guess is right on a tenth of the grids, reading one digit on about as many.
    assert found.result.test_accuracy > 0.6
    assert found.result.digit_accuracy > 0.8
