"""Parts of torch as they are without its compiler: importing that takes a second in each process.

torch wraps some methods so that its compiler leaves them alone, and imports it where they are first called.
Nothing here is compiled: what is unwrapped does the same.
"""

from inspect import unwrap
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Adam(torch.optim.Adam):
    """torch's Adam, to the last bit.

    >>> weights = torch.ones(2, requires_grad=True)
    >>> adam = Adam([weights], lr=0.1)
    >>> weights.sum().backward()
    >>> adam.step()
    >>> weights
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    zero_grad = unwrap(torch.optim.Adam.zero_grad)
    state_dict = unwrap(torch.optim.Adam.state_dict)
    load_state_dict = unwrap(torch.optim.Adam.load_state_dict)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


class DispatchMode(TorchDispatchMode):
    """What sees every operation of torch within it, by its ``__torch_dispatch__``."""

    def __init_subclass__(cls, **named: Any) -> None:
        """Unwrap the method of a class of this kind."""
        super().__init_subclass__(**named)  # type: ignore[no-untyped-call]
        cls.__torch_dispatch__ = unwrap(cls.__torch_dispatch__)  # type: ignore[method-assign]
