"""Code maps: reading, drafts in several languages, and codes that are not in them."""

from __future__ import annotations

import pytest

from onball.actions import Action, Label
from onball.data.code_map import CodeMap, CodeRule, read_code_map, suggest_action, suggest_codes
from onball.errors import LabelError
from onball.formats.tags import Tag


def read(tmp_path, text):
    path = tmp_path / "codes.yaml"
    path.write_text(text, encoding="utf-8")
    return read_code_map(path)


def test_codes_are_actions_own_classes_or_nothing(tmp_path):
    codes = read(
        tmp_path,
        "# ours\nPase: pass\nNo: SHOT\n12: 'Presión alta'\n'Saque: banda': "
        "{action: throw in, offset_s: -0.8}\nOffside: null\nTimeout: ~\n",
    )
    assert codes.find("  PASE ") == CodeRule(Action.PASS)
    assert codes.find("No") == CodeRule(Action.SHOT)
    assert codes.find("12") == CodeRule(Label("Presión alta"))
    assert codes.find("saque:  banda") == CodeRule(Action.THROW_IN, -0.8)
    assert codes.find("offside") == codes.find("timeout") == CodeRule(None)
    assert codes.find("Pass") is None
    assert codes.labels == (Action.PASS, Action.THROW_IN, Action.SHOT, "Presión alta")
    tags = [Tag(code, 1) for code in ("Pase", "a", "b", "b")]
    assert codes.unknown(tags) == {"b": 2, "a": 1}


def test_accents_may_be_written_in_one_or_two_characters():
    codes = CodeMap.of({"Conducción": "drive"})
    assert codes.find("Conducción") == CodeRule(Action.DRIVE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Pase: PASS\nCorner: '?'\n", "line 2: 'Corner' is not decided"),
        ("Pase: PASS\npase: SHOT\n", "line 2: the code 'pase' occurs twice"),
        ("Pase: [PASS]\n", "line 1: 'Pase': write an action"),
        ("Pase: {to: PASS}\n", "line 1: 'Pase': write {action: PASS"),
        ("Pase: {action: PASS, offset_s: soon}\n", "line 1: 'Pase': offset_s is no number"),
        ("Pase: a, b\n", "contains a comma"),
        ("- Pase\n", "no map of codes"),
        ("", "no map of codes"),
        ("Pase: {\n", "broken YAML"),
    ],
)
def test_a_map_that_cannot_be_used_names_its_line(tmp_path, text, message):
    with pytest.raises(LabelError, match=r"codes\.yaml") as raised:
        read(tmp_path, text)
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("codes", "action"),
    [
        ("Pass;Passes accurate;Pase corto;Passe réussie;Passaggio;Пас;パス", Action.PASS),
        (
            "Throw-in;Saque de banda;Einwurf;Touche;Rimessa laterale;Вбрасывание;스로인",
            Action.THROW_IN,
        ),
        ("HOME - Shot;Tiro a puerta;Torschuss;Tir cadré;Chute;Удар", Action.SHOT),
        ("Long ball;Pase largo;Langer Ball;Passe longue;Lancio lungo;ロングパス", Action.HIGH_PASS),
        ("Free kick;Tiro libre;Freistoß;Coup franc;Punizione;Штрафной", Action.FREE_KICK),
        ("Header;Cabezazo;Kopfball;Tête;Colpo di testa;Удар головой", Action.HEADER),
        ("Cross;Centro;Flanke;Centre;Cruzamento;Навес", Action.CROSS),
        ("Carry;Conducción;Dribbling;Conduite de balle;Ведение", Action.DRIVE),
        ("Goal;Gol;Tor;But;Гол", Action.GOAL),
        ("Passs;Thrown in;Einwürfe", None),
    ],
)
def test_actions_are_recognised_in_several_languages(codes, action):
    for code in codes.split(";"):
        suggested = suggest_action(code)
        assert suggested is action if action else suggested in (Action.PASS, Action.THROW_IN), code


@pytest.mark.parametrize(
    "code",
    ["Corner", "Goal kick", "Own goal", "Pass received", "Shots conceded", "Offside", "x", ""],
)
def test_codes_of_other_events_are_left_to_the_user(code):
    assert suggest_action(code) is None


def test_a_draft_is_read_after_its_open_codes_are_decided(tmp_path):
    tags = [Tag(code, 1) for code in ("Pase", "Pase", "Córner: largo", "No", "Tiro", "On ball")]
    draft = suggest_codes(tags, "match.xml", CodeMap.of({"Tiro": "counter"}))
    assert "Pase: PASS  # 2\n" in draft and "Tiro: counter  # 1\n" in draft
    with pytest.raises(LabelError, match="is not decided"):
        read(tmp_path, draft)
    codes = read(tmp_path, draft.replace('"?"', "own class"))
    assert not codes.unknown(tags)
    assert codes.find("No") == codes.find("Córner: largo") == CodeRule(Label("own class"))
