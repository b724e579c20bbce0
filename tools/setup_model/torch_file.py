"""Reading tensors from torch's legacy (pre-zip) files without torch, and without running what is in them.

Such a file holds five pickles: a magic number, a protocol version, facts of the machine that wrote it, the state
dict and the list of storage keys. Then, for each key in that order, an int64 count and the raw elements.
"""

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_TYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
_COUNT = np.dtype("<i8")


class TorchFileError(ValueError):
    """Not a legacy torch file of plain tensors."""


@dataclass(frozen=True, slots=True)
class _Storage:
    kind: str


@dataclass(frozen=True, slots=True)
class _View:
    key: str
    kind: np.dtype[Any]
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_state_dict(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name. Raises TorchFileError for anything else than tensors in a dict, broken files included."""
    file = io.BytesIO(data)
    try:
        if _load(file) != _MAGIC or _load(file) != _PROTOCOL:
            raise TorchFileError("this is not a legacy torch file")
        machine = _load(file)
        if not isinstance(machine, dict) or not machine.get("little_endian"):
            raise TorchFileError("the file was written on a big-endian machine")
        state, keys = _load(file), _load(file)
        if not isinstance(state, dict) or not all(isinstance(view, _View) for view in state.values()):
            raise TorchFileError("the file holds something else than tensors in a dict")
        kinds = {view.key: view.kind for view in state.values()}
        storages = {key: _elements(file, kinds[key]) for key in keys}
        return {str(name): _tensor(storages[view.key], view) for name, view in state.items()}
    except TorchFileError:
        raise
    except (
        pickle.UnpicklingError,
        EOFError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
    ) as error:
        raise TorchFileError(f"the file is broken: {error}") from error


def _load(file: io.BytesIO) -> Any:
    return _TensorsOnly(file).load()


class _TensorsOnly(pickle.Unpickler):
    """Knows ordered dicts, storages and views on them; any other name is refused before it is called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _TYPES:
            return _Storage(name)
        raise _refusal(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        kind, storage, key, _location, _count, view = pid
        if kind != "storage" or not isinstance(storage, _Storage) or view is not None:
            raise _refusal(f"the reference {pid!r}")
        return str(key), _TYPES[storage.kind]


def _refusal(what: str) -> TorchFileError:
    return TorchFileError(f"the file wants {what}, which is no tensor")


def _rebuild(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> _View:
    key, kind = storage
    return _View(key, kind, int(offset), tuple(int(n) for n in size), tuple(int(n) for n in stride))


def _elements(file: io.BytesIO, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    count = int(np.frombuffer(file.read(_COUNT.itemsize), _COUNT)[0])
    raw = file.read(count * kind.itemsize)
    if count < 0 or len(raw) != count * kind.itemsize:
        raise TorchFileError("the file ends early")
    return np.frombuffer(raw, kind)


def _tensor(elements: npt.NDArray[Any], view: _View) -> npt.NDArray[Any]:
    if len(view.size) != len(view.stride) or min((view.offset, *view.size, *view.stride)) < 0:
        raise TorchFileError("a tensor has an impossible shape")
    last = view.offset + sum((n - 1) * step for n, step in zip(view.size, view.stride, strict=True))
    if 0 not in view.size and last >= elements.size:
        raise TorchFileError("a tensor reaches beyond its storage")
    steps = [step * elements.itemsize for step in view.stride]
    return np.lib.stride_tricks.as_strided(elements[view.offset :], view.size, steps, writeable=False).copy()
