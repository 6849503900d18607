"""Images as a page holds them: PNG files inside it."""

import struct
import zlib
from base64 import b64encode

from jaxtyping import Shaped
from torch import Tensor

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2
"""Kinds of PNG."""


def picture(image: Shaped[Tensor, "height width ..."]) -> str:
    """An image as the source of an ``img`` element.

    :param image: ``[height, width]`` in grey, or ``[height, width, 3]``, in [0, 1].
    :returns: a data URI.

    >>> import torch
    >>> picture(torch.zeros(2, 2))[:22]
    'data:image/png;base64,'
    """
    pixels = (image.detach().cpu().float().nan_to_num().clamp(0, 1) * 255).round().byte()
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1).numpy()
    raw = b"".join(b"\0" + row.tobytes() for row in rows)  # 0: no filter
    header = struct.pack(">IIBBBBB", width, height, 8, GREY if pixels.ndim == 2 else COLOUR, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    content = SIGNATURE + b"".join(map(_chunk, *zip(*parts, strict=True)))
    return f"data:image/png;base64,{b64encode(content).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file, with its length and its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
