"""Speech as a prompt: what is no speech is one line; a small encoder in the published format makes a concept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from concepts.codecs.speech import SAMPLE_RATE, check_speech, encode_speech, read_audio
from concepts.errors import InputError, ModelError, SpaceMismatchError, UsageError
from concepts.models import memory
from concepts.models.installed import find_card
from concepts.models.published import PublishedCard
from concepts.space.tokenizer import Pieces
from tests.concepts.sonar_assets import (
    NAMES,
    random_model,
    save_published,
    save_speech,
    write_speech_assets,
    write_text_assets,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]
ENGLISH = "sonar_speech_encoder_eng"


def tone(seconds: float, rate: int = SAMPLE_RATE, hertz: float = 440.0) -> np.ndarray:
    """A swelling tone: sound that is not the same everywhere."""
    time = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * hertz * time) * (1 + time) / (1 + seconds)).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "channels", "suffix"), [(16_000, 1, "wav"), (44_100, 2, "flac"), (8_000, 1, "ogg")]
)
def test_any_rate_and_format_becomes_16_khz_mono(
    tmp_path: Path, rate: int, channels: int, suffix: str
) -> None:
    path = tmp_path / f"prompt.{suffix}"
    soundfile.write(path, np.repeat(tone(1.5, rate)[:, None], channels, axis=1), rate)
    sound = read_audio(path)
    assert sound.dtype == np.float32 and sound.shape == (24_000,)
    spectrum = np.abs(np.fft.rfft(sound))
    assert abs(float(spectrum.argmax()) / 1.5 - 440) < 2  # hertz: neither faster nor slower


def test_what_is_no_speech_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def refused(name: str, sound: np.ndarray | None = None, text: bytes = b"") -> str:
        path = tmp_path / name
        if sound is not None:
            soundfile.write(path, sound, SAMPLE_RATE, subtype="FLOAT")
        elif text or name.startswith("empty"):
            path.write_bytes(text)
        with pytest.raises(InputError) as raised:
            read_audio(path)
        return str(raised.value)

    assert "there is no file" in refused("nowhere.wav")
    assert "is a folder" in refused(".")
    for name, text in [
        ("text.wav", b"Tea for two"),
        ("page.mp3", b"\xff\xfeT\0e\0a\0"),
        ("x.ogg", b"\x89PNG\r\n"),
    ]:
        assert "is no audio file: record the prompt as WAV" in refused(name, text=text)
    assert "cannot be read as audio" in refused(
        "noise.mp3", text=b"\xff\xfb\x90\x00" + bytes(range(256)) * 20
    )
    assert "is empty" in refused("empty.wav", text=b"")
    assert "cannot be read as audio" in refused("cut.wav", text=b"RIFF\x24\x00\x00\x00WAVE")
    assert "is no audio file" in refused("bare.raw", text=b"Tea for two")
    assert capfd.readouterr().err == ""
    assert "too short" in refused("empty.wav", np.zeros(0, np.float32))
    assert "too short" in refused("click.wav", tone(0.05))
    assert "lasts 31 s, at most 30 s" in refused("long.wav", tone(31))
    assert "is silent" in refused("silence.wav", np.zeros(SAMPLE_RATE, np.float32))
    assert "is silent" in refused("hiss.wav", 1e-4 * tone(1))
    assert "no numbers" in refused("nan.wav", np.full(SAMPLE_RATE, np.nan, np.float32))


def test_speech_belongs_to_a_space_and_a_language() -> None:
    with pytest.raises(UsageError, match="sonar-mini has no speech encoder"):
        check_speech("sonar-mini", "eng_Latn")
    with pytest.raises(UsageError, match="use --space sonar"):
        check_speech(None, "eng_Latn")
    assert [check_speech("sonar", lang) for lang in ("eng_Latn", "deu_Latn", "zho_Hans")] == [
        "eng",
        "deu",
        "cmn",
    ]
    with pytest.raises(UsageError, match="no speech encoder for 'lat'"):
        check_speech("sonar", "lat_Latn")


@pytest.fixture
def small_sonar(tmp_path: Path, pieces_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SONAR's cards over small checkpoints in the published formats, an English speech encoder among them."""
    monkeypatch.setenv("FAIRSEQ2_USER_ASSET_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_text_assets(tmp_path, pieces_path, Pieces(pieces_path).num_pieces)
    write_speech_assets(tmp_path)
    for seed, name in enumerate(NAMES):
        save_published(random_model(name, seed), tmp_path / f"{name}.pt")
    save_speech(random_model(ENGLISH, 2), tmp_path / f"{ENGLISH}.pt")
    return tmp_path


def published() -> PublishedCard:
    card = find_card("space", "sonar")
    assert isinstance(card, PublishedCard)
    return card


def test_speech_becomes_the_concept_that_the_encoder_makes_of_it(small_sonar: Path) -> None:
    from fairseq2.data.audio import WaveformToFbankConverter
    from fairseq2.nn import BatchLayout

    sound = tone(1.3)
    notes: list[str] = []
    vector = encode_speech(sound, published(), "eng", on_note=notes.append)
    assert vector.shape == (64,) and vector.dtype == torch.float32
    assert notes[0].startswith(f"the speech encoder {ENGLISH} needs about 1.0 GB")
    # The model that was saved, before fairseq's names, on the same filterbank.
    convert = WaveformToFbankConverter(
        num_mel_bins=80, waveform_scale=2**15, channel_last=True, standardize=True
    )
    fbank = convert({"waveform": torch.from_numpy(sound)[:, None], "sample_rate": 16_000.0, "format": -1})[
        "fbank"
    ]
    length = len(fbank)
    frames = torch.nn.functional.pad(fbank, (0, 0, 0, length % 2))[None]
    with torch.no_grad():
        expected = random_model(ENGLISH, 2)(frames, BatchLayout.of(frames, [length])).sentence_embeddings[0]
    torch.testing.assert_close(vector, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(vector, encode_speech(tone(1.3, hertz=900.0), published(), "eng"), atol=1e-3)


def test_an_encoder_that_cannot_be_used_is_one_line(
    small_sonar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, card = tone(1), published()
    monkeypatch.setattr(memory, "free_bytes", lambda _: 5_000)
    with pytest.raises(ModelError, match=r"0\.0 GB are free: close other programs"):
        encode_speech(sound, card, "eng")
    monkeypatch.undo()
    monkeypatch.setenv("FAIRSEQ2_USER_ASSET_DIR", str(small_sonar))
    path = small_sonar / f"{ENGLISH}.pt"
    path.write_bytes(path.read_bytes()[:9_000])
    with pytest.raises(ModelError, match=f"the speech encoder {ENGLISH} cannot be used"):
        encode_speech(sound, card, "eng")
    path.unlink()
    with pytest.raises(ModelError, match="run `longhand models fetch sonar --speech eng`"):
        encode_speech(sound, card, "eng")
    write_speech_assets(small_sonar, dim=128)
    path.touch()
    with pytest.raises(SpaceMismatchError, match="makes 128 dimensions"):
        encode_speech(sound, card, "eng")
