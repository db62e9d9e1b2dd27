"""What fairseq2 would import at its start for nothing: not imported, and there for whoever does want it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
UNWANTED = {"torch._dynamo", "transformers", "s3fs", "sympy", "aiohttp", "triton"}
LOADED = f"""
import sys, torch
from concepts.codecs.codec import Codec
before = torch.random.get_rng_state()
codec = Codec.load("sonar-mini")
text = codec.decode(codec.encode(["Tea is good."]))
import writer, planner
print(sorted(set(sys.modules) & {UNWANTED!r}), torch.equal(before, torch.random.get_rng_state()))
"""


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=os.sep,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_space_is_used_without_them_and_whoever_wants_them_gets_them_afterwards() -> None:
    code = LOADED + (
        "from fairseq2.data.tokenizers import hg\n"
        "from fairseq2.models.hg import converter, factory\n"
        "assert not isinstance(3, hg.PreTrainedTokenizer) and 'transformers' not in sys.modules\n"
        "assert factory._has_transformers\n"
        "found = hg.AutoTokenizer.from_pretrained\n"
        "import transformers\n"
        "assert found == transformers.AutoTokenizer.from_pretrained\n"
        "assert factory.AutoModel.from_config == transformers.AutoModel.from_config\n"
        "assert converter.transformers.BertConfig is transformers.BertConfig\n"
        "assert issubclass(transformers.BertTokenizer, hg.PreTrainedTokenizer)\n"
        "assert type(factory.AutoConfig) is not type(converter)\n"
        "import s3fs\n"
        "twice = torch.compile(lambda x: x + x, backend='eager')\n"
        "assert twice(torch.ones(1)).item() == 2 and torch._dynamo is sys.modules['torch._dynamo']\n"
        "assert codec.decode(codec.encode(['Tea is good.'])) == text\n"
    )
    assert run_python(code) == "[] True\n"


def test_what_was_imported_before_stays() -> None:
    names = ("transformers", "torch._dynamo", "s3fs")
    code = (
        f"import sys, {', '.join(names)}\n"
        "from concepts.models.runtime import start_fairseq2\nstart_fairseq2()\n"
        f"found = [sys.modules[name] for name in {names!r}] + [transformers, torch._dynamo, s3fs, *sys.meta_path]\n"
        "print([each for each in found if each is None or 'postponed' in repr(type(each))])"
    )
    assert run_python(code) == "[]\n"


def test_other_threads_may_import_meanwhile() -> None:
    """They may change what is loaded, and get the modules themselves: stand-ins are for the thread that asks."""
    code = (
        "import itertools, sys, threading, types\n"
        "from concepts.models.postponed import _LaterModule, postponed_imports\n"
        "import torch\n"
        "sys.setswitchinterval(1e-6)\n"
        "is_over = False\n"
        "def work():\n"
        "    for number in itertools.count():\n"
        "        name = f'made_up_{number % 97}'\n"
        "        sys.modules[name] = types.ModuleType(name)\n"
        "        sys.modules.pop(f'made_up_{(number + 41) % 97}', None)\n"
        "        if is_over: return\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "try:\n"
        "    for _ in range(300):\n"
        "        with postponed_imports(): pass\n"
        "finally:\n"
        "    is_over = True\n"
        "thread.join()\n"
        "found = []\n"
        "def import_them():\n"
        "    import transformers\n"
        "    found.append(transformers)\n"
        "with postponed_imports():\n"
        "    thread = threading.Thread(target=import_them)\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "assert not isinstance(found[0], _LaterModule)\n"
    )
    run_python(code)
