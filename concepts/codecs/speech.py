"""Speech to a concept: one spoken sentence, read by the speech encoder of a published space.

SONAR's speech encoders were trained to give the text encoder's vector of the transcription
(arXiv 2308.11466, section 5), so such a vector is a prompt like any other. They read 16 kHz mono.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.errors import InputError, LonghandError, ModelError, SpaceMismatchError, UsageError
from concepts.models.memory import check_memory
from concepts.models.published import (
    PUBLISHED,
    PublishedCard,
    check_fetched,
    model_config,
    speech_card,
    speech_file,
)

SAMPLE_RATE = 16_000
"""Hz, the encoders' sample rate."""
MIN_SECONDS = 0.2
MAX_SECONDS = 30.0
"""A prompt is a sentence or two; the encoders were trained on single ones."""
SILENCE_DB = -60.0
"""A recording whose loudest sample, relative to full scale, is below this is silent."""
_BEGINS = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff", b"riff")
"""First bytes of WAV, FLAC, Ogg, MP3 with tags, AIFF, AU, CAF and W64."""
_CODES = {"zho": "cmn"}
"""ISO 639-3 speech codes of languages whose text code differs."""


def read_audio(path: Path) -> NDArray[np.float32]:
    """Return the sound of a file as samples (T,) in mono at 16 kHz.

    Any format that libsndfile knows: WAV, FLAC, Ogg, MP3. Raises InputError for a file that is missing, is no
    audio, is empty, too short, too long, silent, or holds no numbers.
    """
    import soundfile
    import soxr

    if path.is_dir():
        raise InputError(f"{path} is a folder: name an audio file such as prompt.wav")
    if not path.exists():
        raise InputError(f"there is no file {path}: name an audio file such as prompt.wav")
    _check_begin(path)
    try:
        with _quiet_libraries(), soundfile.SoundFile(path) as file:
            seconds = len(file) / file.samplerate
            if seconds > MAX_SECONDS:
                raise InputError(
                    f"{path} lasts {seconds:.0f} s, at most {MAX_SECONDS:.0f} s are read: say the prompt in a sentence"
                )
            sound_TC = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        # a headerless .raw file is a TypeError: nothing says its rate
        reason = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
        raise InputError(
            f"{path} cannot be read as audio ({reason}): record it as WAV, FLAC, Ogg or MP3"
        ) from error
    if len(sound_TC) < MIN_SECONDS * rate:
        raise InputError(f"{path} lasts {len(sound_TC) / rate:.2f} s: too short for a word; record it again")
    sound_T = sound_TC.mean(axis=1)
    if not np.isfinite(sound_T).all():
        raise InputError(f"{path} holds samples that are no numbers: record it again")
    peak = float(np.abs(sound_T).max())
    if peak == 0 or 20 * math.log10(peak) < SILENCE_DB:
        raise InputError(f"{path} is silent (nothing above {SILENCE_DB:.0f} dB): check the microphone")
    resampled: NDArray[np.float32] = soxr.resample(sound_T, rate, SAMPLE_RATE)
    return resampled


def _check_begin(path: Path) -> None:
    """Raise InputError for a file without an audio header: the libraries would guess wrongly and print to stderr."""
    try:
        with open(path, "rb") as file:
            begin = file.read(12)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if not begin:
        raise InputError(f"{path} is empty: record it again")
    # An MP3 without tags begins with a frame: eleven bits of 1, then its version and layer 3.
    is_mp3 = len(begin) > 1 and begin[0] == 0xFF and begin[1] & 0xE6 == 0xE2
    if not is_mp3 and not begin.startswith(_BEGINS):
        raise InputError(f"{path} is no audio file: record the prompt as WAV, FLAC, Ogg or MP3")


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Silence the audio libraries' C code on stderr; the errors that they return say the same."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def speech_code(lang: str) -> str:
    """Return the speech language (ISO 639-3) of a text language such as `eng_Latn`."""
    code = lang.partition("_")[0]
    return _CODES.get(code, code)


def check_speech(space: str | None, lang: str) -> str:
    """Return the speech language for prompts in `lang`; raise UsageError where the space has none for it."""
    if space not in PUBLISHED:
        raise UsageError(
            f"the space {space or 'that ships'} has no speech encoder (one belongs to the space of its text encoder): "
            f"use --space {' or '.join(PUBLISHED)}"
        )
    code = speech_code(lang)
    speech_card(space, code)
    return code


def encode_speech(
    sound_T: NDArray[np.float32],
    card: PublishedCard,
    lang: str,
    *,
    device: torch.device | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Tensor:
    """Return the raw concept (D,), float32, of samples at 16 kHz, said in `lang` (ISO 639-3).

    Raises ModelError where the weights are missing, damaged or do not fit into memory, and where the encoder
    gives no numbers.
    """
    asset, file = speech_card(card.name, lang), speech_file(card.name, lang)
    missing = [] if file.is_here else [file]
    check_fetched(f"the speech encoder {asset.name}", missing, f"fetch {card.name} --speech {lang}")
    config = model_config(asset)
    if int(config.model_dim) != int(str(card.config["model_dim"])):  # type: ignore[attr-defined]
        raise SpaceMismatchError(
            f"the speech encoder {asset.name} makes {config.model_dim} dimensions, the space "  # type: ignore[attr-defined]
            f"{card.space_id} has {card.config['model_dim']}: they do not belong together"
        )
    from concepts.space.loading import count_parameters, load_part

    place = device or torch.device("cpu")
    on_note(check_memory(f"the speech encoder {asset.name}", count_parameters(asset), torch.float32, place))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sonar.inference_pipelines.speech import SpeechToEmbeddingModelPipeline

            pipeline = SpeechToEmbeddingModelPipeline(load_part(asset, place, torch.float32), device=place)  # type: ignore[arg-type]
            vector = pipeline.predict([torch.from_numpy(sound_T)[None]])[0]
    except LonghandError:
        raise
    except Exception as error:  # fairseq2 raises its own families of errors for a bad checkpoint
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the speech encoder {asset.name} cannot be used ({first})") from error
    if not torch.isfinite(vector).all():
        raise ModelError(f"the speech encoder {asset.name} made no numbers of this: download it again")
    return vector.float().cpu().clone()
