"""Converting a GGUF language model to transformers' format: safetensors, config and tokenizer.

transformers reads GGUF with the package `gguf` and dequantises it, which takes half a minute for 135 million
parameters; the same weights in safetensors are memory-mapped in a second.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from concepts.errors import ModelError
from concepts.quiet import quiet_transformers

_BEGIN, _END, _UNKNOWN = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
"""SmolLM2's special tokens. The GGUF names the first for the end of a text, too, where its authors have the second."""


def convert_gguf(path: Path, to: Path) -> Path:
    """Convert the GGUF file `path` to bfloat16 safetensors in the new folder `to`; return `to`.

    Raises ModelError if transformers cannot read it.
    """
    try:
        with quiet_transformers(), redirect_stderr(io.StringIO()):  # gguf's progress bar cannot be turned off
            transformers: Any = import_module("transformers")  # half of it is typed
            where = {"gguf_file": path.name, "local_files_only": True}
            model = transformers.AutoModelForCausalLM.from_pretrained(
                path.parent, dtype=torch.bfloat16, **where
            )
            model.save_pretrained(to)
            read = transformers.AutoTokenizer.from_pretrained(path.parent, **where)
            # A class that takes the tokenizer as it is: Llama's own would copy the GGUF beside it.
            tokenizer = transformers.PreTrainedTokenizerFast(
                tokenizer_object=_without_prefix(read.backend_tokenizer),
                bos_token=_BEGIN,
                eos_token=_END,
                pad_token=_END,
                unk_token=_UNKNOWN,
                model_max_length=model.config.max_position_embeddings,
                clean_up_tokenization_spaces=False,
            )
            tokenizer.chat_template = read.chat_template
            tokenizer.save_pretrained(to)
    except OSError:
        raise
    except Exception as error:  # transformers, gguf and tokenizers raise many kinds for a bad file
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path} cannot be converted ({first}); run `longhand doctor`") from error
    return to


def _without_prefix(tokenizer: Any) -> Any:
    """Return the tokenizer without the GGUF's prefix before a text: SmolLM2's own tokenizer has none."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps(json.loads(tokenizer.to_str()) | {"post_processor": None}))
