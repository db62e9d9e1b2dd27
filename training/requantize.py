"""Storing the weights of a released model in fewer bits.

    python -m training.requantize FOLDER [--file model.safetensors] [--bits 4]

Rewrites the file in place, with its checksum on the card; what is not quantised stays as it is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from concepts.models.checksums import sha256_of
from concepts.models.quantize import dequantize, quantize
from concepts.models.tensors import save_tensors


def requantize(folder: Path, file: str, bits: int) -> int:
    """Store the quantised matrices of a model's file in `bits` bits a weight; return the file's new size in bytes."""
    path, card_path = folder / file, folder / "card.json"
    stored = load_file(path)
    packed = {name: value for name, value in stored.items() if value.dtype == torch.uint8}
    others = {name: value for name, value in stored.items() if name not in packed}
    save_tensors(path, others | quantize(dequantize(packed), bits=bits))
    path.chmod(0o644)
    card = json.loads(card_path.read_text(encoding="utf-8"))
    card["files"][file] = sha256_of(path)
    card_path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return path.stat().st_size


def main() -> None:
    """Rewrite one file and print its size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--file", default="model.safetensors")
    parser.add_argument("--bits", type=int, choices=(4, 5), default=4)
    asked = parser.parse_args()
    print(f"{requantize(asked.folder, asked.file, asked.bits):,} bytes")


if __name__ == "__main__":
    main()
