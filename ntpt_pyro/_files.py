"""Files that are there whole or not at all, and that show whether a bit of them has changed since.

A sealed file says its format and holds a checksum of all its bytes, those of the checksum counted as zeros.
In the folder of a run it also says which run it is of and by what name. Whoever reads it goes through
:func:`read_json` or :func:`read_safetensors`, which say in one line what is wrong with it.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ntpt_pyro.errors import NtptError, RunError

OPTIONS = "options.json"
"""What a run is asked to do; the other files of its folder say that they are of this run."""
HEAD = ("format", "checksum", "of")
"""What a sealed file begins with."""
METADATA = "ntpt_pyro"
"""The one entry of metadata: safetensors writes several in random order, and equal states are equal files."""
ZEROS = "0" * 32
SEAL = re.compile(rb'\\?"checksum\\?": \\?"([0-9a-f]{32})\\?"')
KNOWN = re.compile(rb"ntpt_pyro [a-z]{1,20} \d{1,6}")
SEALED_WITHIN = 2048
"""Bytes from the beginning of a file in which its format and its checksum are."""


@dataclass(frozen=True)
class Format:
    """A kind of sealed file.

    :param name: with its version.
    :param remedy: what to do where a file is none.
    :param error: what is raised then.
    """

    name: str
    remedy: str
    error: type[NtptError] = RunError

    def refused(self, path: Path, got: str, expected: str | None = None) -> NtptError:
        """What to raise about a file.

        :param path: the file.
        :param got: what is there.
        :param expected: what should be; default: a file of this format.
        :returns: the error.
        """
        wanted = expected or f"a file of {self.name}"
        return self.error(str(path), expected=wanted, got=got, remedy=self.remedy)


RUN = Format("ntpt_pyro run 3", remedy="make the run again, in another folder")
"""What a run's folder holds, but for weights."""
ANSWERS = Format("ntpt_pyro answers 1", remedy="delete the file to be asked again")
ANY = Format("this version", remedy=RUN.remedy)
"""Where it does not matter what a file holds."""


def write_bytes(path: Path, *content: bytes | memoryview) -> None:
    """Write a file through a temporary neighbour and a rename.

    :param path: the file; its folder is made where missing.
    :param content: all of it, in parts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_left_over(path: Path) -> bool:
    """Whether a file is the temporary one of a write that was killed, or of one that goes on.

    :param path: the file.
    :returns: by its name.
    """
    return re.fullmatch(r"\..+\.(json|safetensors|csv|png|html)\.\d+\.tmp", path.name) is not None


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people, strict (no NaN), not sealed.

    :param path: the file.
    :param content: what json can write.
    """
    write_bytes(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


# Sealed files


def write_sealed_json(path: Path, content: Mapping[str, Any], kind: Format) -> None:
    """Write sealed JSON, readable by people and strict (no NaN).

    :param path: the file.
    :param content: what json can write.
    :param kind: of the file.
    """
    text = json.dumps({**_head(path, kind), **content}, indent=2, allow_nan=False) + "\n"
    _write_sealed(path, text.encode())


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], content: Mapping[str, Any], kind: Format
) -> None:
    """Write tensors with what belongs to them, sealed.

    :param path: the file.
    :param tensors: by name.
    :param content: what json can write.
    :param kind: of the file.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write_sealed(path, save(contiguous, {METADATA: json.dumps({**_head(path, kind), **content})}))


def read_json(path: Path, kind: Format, shape: Any = dict[str, Any]) -> Any:
    """What :func:`write_sealed_json` wrote.

    :param path: the file.
    :param kind: that it must be of.
    :param shape: a type that the content must have, as pydantic reads types.
    :returns: the content, of that type.
    :raises NtptError: that of the kind, where the file is missing, damaged, of another format or run, or its
        content is of another type.
    """
    content = _whole(path, kind)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise kind.refused(path, "something else") from error
    return _of_shape(path, kind, found, shape)


def read_safetensors(path: Path, kind: Format, shape: Any = dict[str, Any]) -> tuple[dict[str, Tensor], Any]:
    """What :func:`write_safetensors` wrote.

    :param path: the file.
    :param kind: that it must be of.
    :param shape: a type that the content must have, as pydantic reads types.
    :returns: the tensors, on the CPU; and the content, of that type.
    :raises NtptError: see :func:`read_json`.
    """
    content = _whole(path, kind)
    try:
        found = json.loads(_header(content)["__metadata__"][METADATA])
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise kind.refused(path, "something else") from error
    return tensors, _of_shape(path, kind, found, shape)


def check_whole(path: Path, kind: Format = ANY) -> None:
    """Check that nobody has changed a sealed file.

    :param path: the file.
    :param kind: that it must be of, where that matters.
    :raises NtptError: that of the kind, where a bit of it has changed, or it is of another run.
    """
    content = _whole(path, kind)
    try:
        found = json.loads(content if path.suffix == ".json" else _header(content)["__metadata__"][METADATA])
        _check_owner(path, kind, found)
    except NtptError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise kind.refused(path, "something else") from error


def typed(value: Any, shape: Any, where: Path, kind: Format) -> Any:
    """A value that was read, which must have a type.

    :param value: of JSON.
    :param shape: the type, as pydantic reads types.
    :param where: it was read.
    :param kind: of that file.
    :returns: the value of that type.
    :raises NtptError: that of the kind; names the first field that is missing or of another type.
    """
    from pydantic import ValidationError

    try:
        return _adapter(shape).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "content"
        got = "none" if first["type"] == "missing" else f"{first['input']!r:.60}"
        raise kind.refused(where, got, f"{field}: {first['msg'].lower()}") from error


@cache
def _adapter(shape: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(shape)


def _head(path: Path, kind: Format) -> dict[str, str]:
    """What a file begins with: nothing of what follows can be taken for its checksum."""
    owner = _owner(path)
    return {"format": kind.name, "checksum": ZEROS} | ({} if owner is None else {"of": owner})


def _owner(path: Path) -> str | None:
    """The run in whose folder a file is, and the file's name; None in any other folder."""
    options = path.with_name(OPTIONS)
    if path.name == OPTIONS or not options.is_file():
        return None
    if not KNOWN.search(options.read_bytes()[:SEALED_WITHIN]):  # a file of the user's own
        return None
    return f"{read_json(options, RUN).get('run')} {path.name}"


def _write_sealed(path: Path, content: bytes) -> None:
    place = SEAL.search(content[:SEALED_WITHIN])
    assert place is not None
    begin, end = place.span(1)
    view = memoryview(content)
    write_bytes(path, view[:begin], _checksum(view, begin, end), view[end:])


def _checksum(content: memoryview, begin: int, end: int) -> bytes:
    """Of all bytes, those between two places counted as zeros."""
    found = blake2b(content[:begin], digest_size=len(ZEROS) // 2)
    found.update(ZEROS.encode())
    found.update(content[end:])
    return found.hexdigest().encode()


def _whole(path: Path, kind: Format) -> bytes:
    """All bytes of a file whose checksum fits."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise kind.refused(path, "no such file") from error
    except OSError as error:
        raise kind.refused(path, (error.strerror or str(error)).lower()) from error
    place, known = SEAL.search(content[:SEALED_WITHIN]), KNOWN.search(content[:SEALED_WITHIN])
    if place is not None:
        begin, end = place.span(1)
        if _checksum(memoryview(content), begin, end) == place[1]:
            return content
    if kind is not ANY and known is not None and known[0].decode() != kind.name:
        raise kind.refused(path, f"one of {known[0].decode()}, or a damaged one")
    raise kind.refused(path, "a damaged one, or something else" if content else "an empty one")


def _header(content: bytes) -> dict[str, Any]:
    """The header of safetensors."""
    found: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return found


def _of_shape(path: Path, kind: Format, found: Any, shape: Any) -> Any:
    """The content of a file, without its head."""
    if not isinstance(found, dict) or found.get("format") != kind.name:
        name = found.get("format") if isinstance(found, dict) else None
        raise kind.refused(path, f"one of {name}")
    _check_owner(path, kind, found)
    return typed({name: value for name, value in found.items() if name not in HEAD}, shape, path, kind)


def _check_owner(path: Path, kind: Format, head: Mapping[str, Any]) -> None:
    owner = _owner(path)
    if owner is not None and head.get("of") != owner:
        raise kind.refused(path, "one of another run, or by another name", "a file of this run")
