"""The networks that the paper's models share (Gaunt et al. 2017, section 4.1)."""

from typing import Any

from ntpt_pyro import Tensor, learn


@learn([Tensor(28, 28)], 10, hid_sizes=[256, 256])
def net_0(image: Any) -> None:
    """Learns to read the digit in an image."""


@learn([Tensor(28, 28)], 4, hid_sizes=[256, 256])
def net_1(image: Any) -> None:
    """Learns to read the operator in an image: 0 to 3 for ``+ - x /``."""
