"""Memory and time for loading SONAR's text encoder or decoder: an all-zero checkpoint of real size, by the real card.

    python benchmarks/bench_sonar_memory.py [--part encoder|decoder] [--dtype float32|bfloat16] [--folder DIR]

Writes about 3 GB into DIR (default: a temporary folder) and deletes them afterwards. `anonymous` is the peak of memory
that the process cannot give back while loading; it excludes pages of the mapped file.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import tempfile
import threading
import time
from pathlib import Path

NAMES = {"encoder": "text_sonar_basic_encoder", "decoder": "text_sonar_finetuned_decoder"}


def anonymous_gb() -> float:
    """Return the anonymous memory of this process (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1e6


def main() -> None:
    """Write the checkpoint, load it, print size, peak and time as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=list(NAMES), default="encoder")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(json.dumps(measure(Path(folder), NAMES[options.part], options.dtype), indent=1))


def measure(folder: Path, name: str, dtype: str) -> dict[str, object]:
    """Return the costs of loading a card's model from zeros in `folder`."""
    os.environ["FAIRSEQ2_USER_ASSET_DIR"] = str(folder)
    (folder / "card.yaml").write_text(json.dumps({"name": f"{name}@user", "checkpoint": "zeros.pt"}))
    import torch
    from fairseq2.gang import create_fake_gangs

    from concepts.models.published import asset_card, model_config
    from concepts.space.loading import _family, count_parameters, load_part

    card, cpu = asset_card(name), torch.device("cpu")
    gangs = create_fake_gangs(cpu)
    shapes = _family(card).create_new_model(
        copy.deepcopy(model_config(card)), gangs, torch.float32, True, False
    )
    torch.save(
        {"model": {k: torch.zeros(v.shape) for k, v in shapes.state_dict().items()}}, folder / "zeros.pt"
    )
    before = peak = anonymous_gb()
    is_done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_done.wait(0.02):
            peak = max(peak, anonymous_gb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    load_part(card, cpu, getattr(torch, dtype))
    seconds = time.perf_counter() - started
    is_done.set()
    watcher.join()
    return {
        "card": name,
        "dtype": dtype,
        "parameters": count_parameters(card),
        "file_bytes": (folder / "zeros.pt").stat().st_size,
        "anonymous_gb_added": round(peak - before, 2),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    main()
