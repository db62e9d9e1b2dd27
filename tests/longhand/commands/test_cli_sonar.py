"""`--space sonar` on the command line, by the real cards: small checkpoints of 1,024 dimensions stand in."""

from __future__ import annotations

import hashlib
import http.server
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from concepts.models.installed import find_card
from concepts.models.wheels import SMOLLM2, require
from concepts.space.tokenizer import Pieces, train_sentencepiece
from tests.concepts.sonar_assets import (
    NAMES,
    random_model,
    save_published,
    save_speech,
    write_speech_assets,
    write_text_assets,
)
from tests.longhand.web.pages import page

ROOT = Path(__file__).parents[3]
DIM = 1_024
SONAR = ("--space", "sonar")
ENGLISH = "sonar_speech_encoder_eng"
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pages to train on, and SONAR's cards over small checkpoints."""
    home = tmp_path_factory.mktemp("sonar")
    (home / "pages").mkdir()
    for number in range(24):
        (home / "pages" / f"{number}.md").write_text(page(number))
    train_sentencepiece((line for n in range(60) for line in page(n).split("\n")), home / "spm", 400)
    assets = home / "assets"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRSEQ2_USER_ASSET_DIR", str(assets))
        write_text_assets(assets, home / "spm", Pieces(home / "spm").num_pieces, dim=DIM, num_layers=1)
        for seed, name in enumerate(NAMES):
            save_published(random_model(name, seed), assets / f"{name}.pt")
        write_speech_assets(assets, dim=DIM, num_layers=1)
        save_speech(random_model(ENGLISH, 2), assets / f"{ENGLISH}.pt")
    time = np.arange(16_000) / 16_000
    soundfile.write(home / "prompt.wav", 0.3 * np.sin(2 * np.pi * 440 * time**2), 16_000)
    return home


@pytest.fixture(scope="module")
def voice(home: Path) -> Path:
    """The folder of a small language model with the tokens of the one that speaks by default."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(require(SMOLLM2), local_files_only=True)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(home / "voice")
    tokenizer.save_pretrained(home / "voice")
    return home / "voice"


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of the test's own: nothing is fetched, nothing remembered."""
    monkeypatch.setenv("FAIRSEQ2_CACHE_DIR", str(tmp_path / "fairseq2"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def sonar(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small checkpoints stand in for the real ones."""
    monkeypatch.setenv("FAIRSEQ2_USER_ASSET_DIR", str(home / "assets"))
    return home


def test_planner_and_writer_train_and_write_in_1024_dimensions(
    run, sonar, voice, tmp_path, monkeypatch, lay_template
):
    corpus = str(sonar / "corpus")
    assert run("corpus", "import", str(sonar / "pages"), "--out", corpus).exit_code == 0
    for kind in ("planner", "writer"):
        out = sonar / "models" / kind
        train = ("--preset", "tiny", "--steps", "2", "--corpus", corpus, "--out", str(out))
        trained = run("train", kind, *SONAR, *train, "--json")
        assert trained.exit_code == 0, trained.stderr
        assert "the space sonar needs about 1.1 GB of memory" in trained.stderr
        figures = json.loads(trained.stdout)
        assert math.isfinite(figures["loss"]) and figures["mse"] > 0
        card = json.loads((out / "model" / "card.json").read_text())
        assert card["space"] == find_card("space", "sonar").space_id and card["config"]["concept_dim"] == DIM
        monkeypatch.setenv(
            "LONGHAND_MODELS",
            os.pathsep.join(str(sonar / "models" / k / "model") for k in ("planner", "writer")),
        )
    # A spoken prompt: a document of text and speech alike, in a process as a user starts it.
    lay_template(tmp_path)
    speech = ("--speech", str(sonar / "prompt.wav"))
    command = [
        sys.executable,
        "-m",
        "longhand",
        "write",
        *SONAR,
        *speech,
        "--voice",
        str(voice),
        "--sections",
        "1",
        "--length",
        "short",
        "--json",
    ]
    done = subprocess.run(
        [*command, "--lang", "deu_Latn", "--prompt-lang", "eng_Latn"],
        cwd=ROOT,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"the speech encoder {ENGLISH} needs about" in done.stderr
    assert "the space sonar needs about" in done.stderr
    document = json.loads(done.stdout)
    assert (document["status"], document["lang"], document["num_missing"]) == ("done", "deu_Latn", 0)
    assert len(document["sections"]) == 1 and document["sections"][0]["sentences"]
    assert document["prompt"] == "Speech: prompt.wav" and document["title"]
    assert run("submit", "Print a folder", *SONAR).exit_code == 0


def test_speech_that_cannot_be_a_prompt_is_refused(run, store, sonar, tmp_path, monkeypatch):
    monkeypatch.setattr("longhand.asking.requests._check_one_space", lambda *_, **__: None)
    prompt, silence = str(sonar / "prompt.wav"), tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(16_000), 16_000)
    refusals = {
        ("write",): (2, "give either a prompt in words or --speech"),
        ("write", "Tea", "--speech", prompt): (2, "give either a prompt in words or --speech"),
        ("submit", "Tea", "--speech", prompt): (2, "give either a prompt or --file or --speech"),
        ("write", "--speech", prompt): (2, "the space that ships has no speech encoder"),
        ("write", "--speech", prompt, "--space", "sonar-mini"): (2, "use --space sonar"),
        ("write", "--speech", "nowhere.wav", *SONAR): (1, "there is no file nowhere.wav"),
        ("submit", "--speech", str(silence), *SONAR): (1, "is silent"),
        ("write", "--speech", prompt, *SONAR, "--prompt-lang", "lat_Latn"): (2, "unknown language"),
        ("write", "--speech", prompt, *SONAR, "--lang", "fra_Latn"): (1, "models fetch sonar --speech fra"),
    }
    for command, (code, line) in refusals.items():
        refused = run(*command)
        assert refused.exit_code == code, (command, refused.stderr)
        assert line in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
    assert not store.list_documents()


def test_the_shipped_planner_and_writer_are_of_another_space(run, store, sonar):
    refused = run("write", "Tea", *SONAR)
    assert refused.exit_code == 1
    assert (
        "no planner of the space sonar@" in refused.stderr and "outline-mini is of minilm@" in refused.stderr
    )
    assert "longhand train planner --space sonar" in refused.stderr
    named = run("submit", "Tea", *SONAR, "--planner", "outline-mini", "--writer", "writer-mini")
    assert named.exit_code == 1
    assert "the planner outline-mini belongs to the space minilm@" in named.stderr
    assert not store.list_documents()


@pytest.mark.parametrize(
    "command", [("write", "Tea"), ("submit", "Tea"), ("search", "Tea"), ("schedule", "Tea", "--every", "6h")]
)
def test_language_codes_are_checked_against_sonars_own(run, sonar, command, monkeypatch):
    monkeypatch.setattr("longhand.asking.requests._check_one_space", lambda *_, **__: None)
    for typed, meant in (("swahilli", "swh_Latn"), ("zho_Hanz", "zho_Hans"), ("deu_Latin", "deu_Latn")):
        result = run(*command, *SONAR, "--lang", typed)
        assert result.exit_code == 2
        assert f"unknown language '{typed}'" in result.stderr and meant in result.stderr
    assert "zho_Hans" not in run(*command, "--lang", "zho_Hanz").stderr  # of the shipped space


@pytest.mark.parametrize(
    ("typed", "code"),
    [("swahili", "swh_Latn"), ("zh-TW", "zho_Hant"), ("deu", "deu_Latn"), ("Norwegian", "nob_Latn")],
)
def test_what_means_one_of_sonars_languages_is_taken(run, store, sonar, typed, code, monkeypatch):
    monkeypatch.setattr("longhand.asking.requests._check_one_space", lambda *_, **__: None)
    assert run("submit", "Tea", *SONAR, "--lang", typed).exit_code == 0
    assert [document.lang for document in store.list_documents()] == [code]
    assert run("submit", "Tea", "--lang", "zh-TW").exit_code == 2  # of the shipped space


def test_without_weights_the_line_says_how_to_get_them(run, store):
    for command in (("write", "Tea"), ("submit", "Tea"), ("search", "Tea")):
        refused = run(*command, *SONAR)
        assert refused.exit_code == 1 and "longhand models fetch sonar" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    assert not store.list_documents()
    assert {"sonar": False}.items() <= {
        m["name"]: m.get("is_fetched") for m in json.loads(run("models", "--json").stdout)
    }.items()


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on stderr, which the test reads."""


@pytest.fixture
def server(home: Path) -> Iterator[str]:
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=home / "assets"))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


def test_fetch_downloads_and_says_what_came(home, server, tmp_path):
    published = tmp_path / "published"
    published.mkdir()
    cards = (home / "assets" / "text.yaml").read_text()
    for name in (*(f"{name}.pt" for name in NAMES), "tokenizer.model"):
        cards = cards.replace(f'"{name}"', f'"{server}/{name}"')

    def fetch(*options: str, cards: str = cards) -> subprocess.CompletedProcess[str]:
        # a process of its own: fairseq2 asks for its cache folder once
        (published / "text.yaml").write_text(cards)
        command = [sys.executable, "-m", "longhand", "models", "fetch", "sonar", *options]
        env = {**os.environ, "FAIRSEQ2_USER_ASSET_DIR": str(published)}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    listed = fetch("--where")
    assert listed.returncode == 0 and f"{server}/{NAMES[0]}.pt" in listed.stdout
    fetched = fetch()
    assert fetched.returncode == 0, fetched.stderr
    data = (home / "assets" / f"{NAMES[0]}.pt").read_bytes()
    assert f"{len(data):,} bytes  sha256 {hashlib.sha256(data).hexdigest()}" in fetched.stdout
    assert "sonar@" in fetched.stderr and "is here" in fetched.stderr
    # The files lie where --where said that they would.
    paths = [Path(line.split()[-1]) for line in listed.stdout.splitlines() if line.startswith("  to ")]
    assert len(paths) == 3 and all(path.is_file() for path in paths)
    # What is here is not asked for again; what is not there, or not reachable, is one line.
    gone = fetch(cards=cards.replace(f"{NAMES[1]}.pt", "gone.pt"))
    assert gone.returncode == 1 and "gone.pt cannot be downloaded" in gone.stderr
    lost = fetch(cards=cards.replace(f"{server}/{NAMES[1]}", "http://127.0.0.1:9/decoder"))
    assert lost.returncode == 1 and "(Connection refused)" in lost.stderr
    assert "bring the file by hand to" in lost.stderr


def test_what_can_be_fetched_is_checked(run):
    assert "did you mean sonar?" in run("models", "fetch", "sonor").stderr
    refused = run("models", "fetch", "sonar", "--speech", "germn")
    assert refused.exit_code == 2 and "has no speech encoder for 'germn'; it has" in refused.stderr
    by_name = run("models", "fetch", "sonar", "--speech", "german", "--where").stdout
    assert by_name == run("models", "fetch", "sonar", "--speech", "deu", "--where").stdout
    assert "spenc.eng.pt" in run("models", "fetch", "sonar", "--speech", "eng", "--where").stdout


def test_doctor_speaks_of_sonar(run, sonar):
    findings = {f["name"]: f for f in json.loads(run("doctor", "--json").stdout)["findings"]}
    assert findings["sonar"]["value"].startswith("sonar@") and "GB free" in findings["memory"]["value"]
    assert "needs about 1.1 GB" in findings["sonar's memory"]["value"]
