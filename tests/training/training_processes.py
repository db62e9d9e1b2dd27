"""One process of several that train the toy together; `RANK` and the like say which.

    RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=PORT python training_processes.py DIR --parts 6 --steps 30
    python training_processes.py --serve

`--terminate STEP` sends itself SIGTERM at a step, `--kill STEP` SIGKILL, `--spoil STEP` makes its batch infinite.
Prints what it opens for writing in DIR, and as the last line `ended`, or the error.

`--serve` imports everything once, which takes seconds, and forks: each line of its input is a JSON list of processes to
run at once (`arguments`, `variables`), each line of its output one of what they left (`code`, `said`, `errors`).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from torch import Tensor

from concepts.errors import LonghandError
from concepts.neural.processes import SAID, is_lost_peer, leave
from tests.training.training_toy import ToyTask
from training.loop import train
from training.loop_config import LoopConfig

LOOP: dict[str, Any] = {
    "num_warmup_steps": 3,
    "num_cooldown_steps": 10,
    "matrix_lr": 0.02,
    "adam_lr": 0.02,
    "evaluate_every": 10,
    "checkpoint_every_s": 1e9,
}


def serve() -> None:
    import torch._dynamo  # noqa: F401  # imported by every optimizer: else each fork does it, for seconds

    for line in sys.stdin:
        found = []
        for pid, *files in [fork(**process) for process in json.loads(line)]:
            _, status = os.waitpid(pid, 0)
            for file in files:
                file.seek(0)
            said, errors = (file.read() for file in files)
            code = os.waitstatus_to_exitcode(status)
            found.append({"code": code, "said": said.splitlines(), "errors": errors})
        print(json.dumps(found), flush=True)


def fork(arguments: list[str], variables: dict[str, str]) -> tuple[int, Any, Any]:
    """Start a process; return its id and the files that it prints to."""
    files = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            for number, file in enumerate(files, 1):
                os.dup2(file.fileno(), number)
            os.environ.update(variables)
            sys.argv[1:] = arguments
            main()
            code = 0
        except BaseException:  # noqa: BLE001  # a fork must never return into its parent's code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return pid, *files


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir")
    parser.add_argument("--parts", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    for name in ("--terminate", "--kill", "--spoil"):
        parser.add_argument(name, type=int, default=-1)
    args = parser.parse_args()

    def watch(event: str, details: tuple[object, ...]) -> None:
        if event == "open" and str(details[0]).startswith(args.run_dir) and str(details[1])[0] in "wax":
            print("writes", details[0], flush=True)

    sys.addaudithook(watch)

    def on_batch(step: int, batch: Tensor) -> Tensor:
        if step == args.terminate:
            os.kill(os.getpid(), signal.SIGTERM)
        if step == args.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch * (float("inf") if step == args.spoil else 1.0)

    torch.set_num_threads(1)
    config = LoopConfig(num_steps=args.steps, num_parts=args.parts, **LOOP)
    try:
        train(ToyTask(on_batch), Path(args.run_dir), config, cpu=True)
        leave()
        print("ended")
    except LonghandError as error:
        print(type(error).__name__, "silent" if SAID in getattr(error, "__notes__", ()) else "said")
    except RuntimeError as error:
        if not is_lost_peer(error):
            raise
        print("lost a peer")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main()
