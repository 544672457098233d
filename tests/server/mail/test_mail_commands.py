"""`giftcard mail preview` and `giftcard mail check-templates`."""

from __future__ import annotations

import shutil
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from giftcard_rules.deliveries import DeliveryKind
from giftcard_server.commands.mail import app
from giftcard_server.mail.made_up import CODE
from giftcard_server.mail.wording.languages import TEMPLATES


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_preview_writes_each_part_to_its_file(tmp_path: Path) -> None:
    html, text, eml = (tmp_path / f"out.{ending}" for ending in ("html", "txt", "eml"))
    result = run(
        "preview", "card", "--design", "birthday", "--locale", "en",
        "--html", str(html), "--text", str(text), "--eml", str(eml),
    )  # fmt: skip
    assert (result.exit_code, result.output) == (0, "")
    assert "Happy birthday" in html.read_text(encoding="utf-8")
    assert CODE in text.read_text(encoding="utf-8")
    message = message_from_bytes(eml.read_bytes(), policy=SMTP)
    assert message["Subject"] == "Camille Martin sent you a Maison Exemple gift card"


@pytest.mark.parametrize("kind", DeliveryKind)
def test_a_preview_without_a_file_prints_the_text(kind: DeliveryKind) -> None:
    result = run("preview", kind.value, "--locale", "fr-FR")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "Maison Exemple" in result.stdout


def test_a_preview_says_which_language_it_fell_back_to() -> None:
    assert run("preview", "card", "--locale", "de").stderr == (
        "There are no templates for de: this is fr.\n"
    )


def test_a_preview_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    result = run("preview", "card", "--html", str(tmp_path / "none/out.html"))
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr


def test_the_languages_of_the_product_are_complete() -> None:
    result = run("check-templates")
    assert (result.exit_code, result.stdout) == (0, "en: complete\nfr: complete\n")


# What is changed in a file of a complete language (nothing: it is removed), and what is said.
BROKEN: Final[dict[str, tuple[str, str, str, str]]] = {
    "a template": ("card.txt", "", "", "card.txt is missing"),
    "words": ("words.toml", "", "", "words.toml is missing"),
    "a block": (
        "card.txt",
        "{% block heading %}",
        "{% block header %}",
        "card.txt: the block heading is missing",
    ),
    "a block that nobody reads": (
        "card.txt",
        "{% block heading %}",
        "{% block header %}",
        "card.txt: no letter has a block header",
    ),
    "a word": ("words.toml", "amount = ", "amont = ", "words.toml: [labels] amount is missing"),
    "the name of a design": (
        "words.toml",
        'wedding = "Wedding"\n',
        "",
        "words.toml: [designs] wedding is missing",
    ),
    "a value": (
        "reminder.txt",
        "{{ support }}",
        "{{ suport }}",
        "a letter of the kind reminder: 'suport' is undefined",
    ),
    "the code": (
        "card.txt",
        "{% block subject %}",
        "{% block subject %}{{ code }}",
        "a letter of the kind card: 'code' is undefined",
    ),
    "syntax": (
        "card.txt",
        "{% block heading %}",
        "{% block heading",
        "card.txt: line 16: expected token",
    ),
    "TOML": ("words.toml", "[labels]", "[labels", "words.toml cannot be read: "),
    "a blank": (
        "card.txt",
        "{{ addressee }}{% endif %},\n",
        "{{ addressee }}{% endif %}\nand\n",
        "card.txt: line 24 ends with a tag, which joins it to the next one",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "told"), BROKEN.values(), ids=BROKEN)
def test_check_templates_says_what_a_language_lacks(
    file: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    shutil.copytree(TEMPLATES / "en", tmp_path / "de")
    path = tmp_path / "de" / file
    before = path.read_text(encoding="utf-8")
    path.unlink()
    if old:
        assert old in before
        path.write_text(before.replace(old, new, 1), encoding="utf-8")
    result = run("check-templates", "--folder", str(tmp_path))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "de:"
    assert any(line.strip().startswith(told) for line in lines), lines


def test_a_folder_that_is_no_language_is_told(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES / "en", tmp_path / "nowhere")
    result = run("check-templates", "--folder", str(tmp_path))
    (_, told) = result.stdout.splitlines()
    assert told.strip().startswith("the folder is not named after a language")
