"""A second device for machines without one: its tensors refuse to meet those of the CPU, and hold the same numbers.

    with SecondDevice():
        model.to(DEVICE)

Inside the block what is made on `DEVICE` or moved there lies there, until it is moved back. An operation on tensors of
both places fails, as on a GPU, but for indices and single numbers, which a GPU takes from the CPU, too. Lists as
indices fail. The numbers are computed by the CPU, so that they must be exactly those that it computes without this.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("meta")
"""A device that torch knows on every machine."""
_MOVES = ("aten::_to_copy", "aten::copy_")
_INDEXING = ("aten::index.Tensor", "aten::index_put_", "aten::_unsafe_index.Tensor")


class _There(Tensor):
    """A tensor on the second device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _There:
        with torch.inference_mode(False):  # so that a view of it can be made with and without
            made: _There = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                layout=held.layout,
                device=DEVICE,
            )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """Context in which `DEVICE` is a device; counts what is computed on it."""

    def __init__(self) -> None:
        super().__init__()
        self.num_operations = 0
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> SecondDevice:
        autocast = torch.autocast

        def none_there(device_type: str, **options: Any) -> Any:
            return nullcontext() if device_type == DEVICE.type else autocast(device_type, **options)

        self._patch.setattr(torch, "autocast", none_there)  # torch knows none for `DEVICE`
        super().__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        super().__exit__(*exc_info)
        self._patch.undo()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.is_inference_mode_enabled():  # operations that are made of others come whole
            super().__enter__()
            try:
                found = func.decompose(*args, **(kwargs or {}))
            finally:
                super().__exit__(None, None, None)
            if found is not NotImplemented:
                return found
        self.num_operations += any(isinstance(value, _There) for value in tree_flatten((args, kwargs))[0])
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = func.name()
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    if any(tensor.is_meta and not isinstance(tensor, _There) for tensor in tensors):
        raise RuntimeError(
            f"{name} gets numbers that torch made on {DEVICE} by itself: make a tensor of the list first"
        )
    is_there = any(isinstance(tensor, _There) for tensor in tensors)
    if "device" in kwargs and kwargs["device"] is not None:
        is_there = torch.device(kwargs["device"]).type == DEVICE.type
        kwargs = {**kwargs, "device": torch.device("cpu")}
    elif name in _INDEXING or name == "aten::copy_":
        is_there = isinstance(args[0], _There)
    if name not in _MOVES:
        met = [tensor for tensor in tensors if tensor.ndim and not isinstance(tensor, _There)]
        if is_there and met and name not in _INDEXING:
            raise RuntimeError(f"{name} meets tensors of two devices")
        if not is_there and len(met) < len([t for t in tensors if t.ndim]):
            raise RuntimeError(f"{name} gives a tensor of the second device to the CPU")
    held_args, held_kwargs = tree_map_only(_There, lambda tensor: tensor.held, (args, kwargs))
    found = func(*held_args, **held_kwargs)
    if name.partition(".")[0].endswith("_"):  # in place
        return args[0]
    return tree_map_only(Tensor, _There, found) if is_there else found
