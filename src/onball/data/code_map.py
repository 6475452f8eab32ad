"""Code maps: YAML files that say which class each code of other programs' tags is.

    # code in the file: an action, a class of your own, or null to leave the tags out
    Pase: PASS
    Saque de banda: {action: THROW IN, offset_s: 1.5}  # the action is 1.5 s after the tag
    Presión alta: pressing
    Offside: null

Case and repeated blanks of codes do not matter. `suggest_codes` writes a first draft.
"""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from onball.actions import BALL_ACTIONS, Action, EventLabel, as_label
from onball.errors import InputError, LabelError
from onball.files import read_text
from onball.formats.tags import Tag
from onball.formats.tags.base import ENCODING_NOTE
from onball.formats.tags.markers import plain_words

#: Stands in a draft for a code that has to be decided.
UNDECIDED = "?"
_FIELDS = ("action", "offset_s")
#: Least similarity of words, 0 to 1, at which a misspelt code is recognised.
_SIMILAR = 0.84


@dataclass(frozen=True, slots=True)
class CodeRule:
    """Meaning of a code.

    Attributes:
        label: the class; None to leave its tags out.
        offset_s: seconds that are added to the times of its tags.
    """

    label: EventLabel | None
    offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CodeMap:
    """Meaning of the codes of a file of tags.

    Attributes:
        rules: rule of each code, by the code as `code_key` writes it.
        source: where the map is from, for messages.
    """

    rules: Mapping[str, CodeRule] = field(default_factory=dict)
    source: str = ""

    @classmethod
    def of(cls, codes: Mapping[str, str | None], *, source: str = "") -> CodeMap:
        """Make a map of classes by code; None leaves the tags of a code out.

        Raises:
            LabelError: a class cannot have its name, or a code occurs twice.
        """
        rules: dict[str, CodeRule] = {}
        for code, name in codes.items():
            _add(rules, code, CodeRule(None if name is None else as_label(name)), source or "codes")
        return cls(rules, source)

    @property
    def labels(self) -> tuple[EventLabel, ...]:
        """The classes: those of the 12 actions in their order, then others in that of the map."""
        labels = dict.fromkeys(rule.label for rule in self.rules.values() if rule.label is not None)
        actions = [action for action in BALL_ACTIONS if action in labels]
        return (*actions, *(label for label in labels if label not in BALL_ACTIONS))

    def find(self, code: str) -> CodeRule | None:
        """Return the rule of a code; None if the map does not have it."""
        return self.rules.get(code_key(code))

    def unknown(self, tags: Iterable[Tag]) -> dict[str, int]:
        """Count the tags whose codes the map does not have, by code, the most frequent first."""
        counts = Counter(tag.code for tag in tags if self.find(tag.code) is None)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def code_key(code: str) -> str:
    """Return a code without differences of case, blanks and ways to write accents."""
    return " ".join(unicodedata.normalize("NFC", code).casefold().split())


def _add(rules: dict[str, CodeRule], code: str, rule: CodeRule, where: str) -> None:
    key = code_key(code)
    if key in rules:
        raise LabelError(f"{where}: the code '{code}' occurs twice")
    rules[key] = rule


def read_code_map(path: str | Path) -> CodeMap:
    """Read a code map.

    Args:
        path: a YAML file with a class for each code.

    Raises:
        LabelError: the file is missing, no such map, has a code twice or one that is not decided.
            The message names the line.
    """
    path = Path(path)
    try:
        # Nodes instead of values: `No: PASS` is the code "No", and codes that occur twice are seen.
        root = yaml.compose(read_text(path, LabelError), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "nested too deeply"
        raise LabelError(f"{path}{where}: broken YAML: {reason}: put codes into quotes") from None
    if not isinstance(root, yaml.MappingNode):
        raise LabelError(f"{path}: no map of codes, with lines such as `Pase: PASS`")
    rules: dict[str, CodeRule] = {}
    for key, value in root.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise LabelError(f"{where}: a code is text: put it into quotes")
        try:
            rule = _rule(key.value, value)
        except LabelError as error:
            raise LabelError(f"{where}: {error}") from None
        _add(rules, key.value, rule, where)
    return CodeMap(rules, str(path))


def _rule(code: str, node: yaml.Node) -> CodeRule:
    """Meaning of a code. Raises `LabelError`."""
    if isinstance(node, yaml.MappingNode):
        fields = {key.value: value for key, value in node.value}
        unknown = [name for name in fields if name not in _FIELDS]
        if unknown or "action" not in fields:
            raise LabelError(f"'{code}': write {{action: PASS, offset_s: 1.5}}")
        offset = fields.get("offset_s")
        try:
            offset_s = 0.0 if offset is None else float(offset.value)
            if not abs(offset_s) < 3600:
                raise ValueError
        except (ValueError, TypeError):
            raise LabelError(f"'{code}': offset_s is no number of seconds") from None
        return CodeRule(_label(code, fields["action"]), offset_s)
    return CodeRule(_label(code, node))


def _label(code: str, node: yaml.Node) -> EventLabel | None:
    if not isinstance(node, yaml.ScalarNode):
        raise LabelError(f"'{code}': write an action, a class of your own, or null")
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if node.value.strip() == UNDECIDED:
        raise LabelError(
            f"'{code}' is not decided: write an action, a class of your own, or null to leave it out"
        )
    return as_label(node.value)


# A first draft

#: Words for each action, as `plain_words` writes them, in English, Spanish, German, French, Italian,
#: Portuguese, Dutch and Russian. Of several that occur in a code, the longest counts.
_NAMES: Mapping[Action, tuple[str, ...]] = {
    Action.PASS: (
        "pass", "passes", "passing", "short pass", "pase", "pases", "passe", "passes", "pasje", "passaggio",
        "passaggi", "pas", "pass kurz", "zuspiel", "пас", "передача", "передачи", "podanie", "パス", "패스",
    ),
    Action.DRIVE: (
        "drive", "carry", "carries", "dribble", "dribbles", "dribbling", "run with ball", "ball carry",
        "conduccion", "conducciones", "regate", "regates", "ballfuhrung", "conduite", "conduite de balle",
        "conduzione", "conducao", "drible", "дриблинг", "ведение", "ドリブル",
    ),
    Action.HEADER: (
        "header", "headers", "headed", "cabeceo", "cabezazo", "de cabeza", "kopfball", "kopfballe", "tete",
        "coup de tete", "colpo di testa", "cabeceio", "kopbal", "удар головой", "ヘディング", "헤딩",
    ),
    Action.HIGH_PASS: (
        "high pass", "high passes", "long pass", "long passes", "long ball", "long balls", "lofted pass",
        "pase largo", "pases largos", "balon largo", "langer ball", "langer pass", "flugball",
        "passe longue", "ballon long", "lancio", "lancio lungo", "passaggio lungo", "passe longo",
        "lancamento longo", "lange bal", "lange pass", "длинная передача", "ロングパス",
    ),
    Action.OUT: (
        "out", "ball out", "ball out of play", "out of play", "fuera", "balon fuera", "aus", "ball aus",
        "ballon sorti", "sortie de balle", "palla fuori", "bola fora", "fora", "bal uit", "аут мяч",
    ),
    Action.CROSS: (
        "cross", "crosses", "crossing", "centro", "centros", "flanke", "flanken", "centre", "centres",
        "traversone", "cruzamento", "cruzamentos", "voorzet", "навес", "クロス", "크로스",
    ),
    Action.THROW_IN: (
        "throw in", "throw ins", "throwin", "saque de banda", "saques de banda", "saque lateral", "einwurf",
        "einwurfe", "touche", "rentree de touche", "rimessa laterale", "lateral", "arremesso lateral",
        "lancamento lateral", "ingooi", "inworp", "аут", "вбрасывание", "スローイン", "스로인",
    ),
    Action.SHOT: (
        "shot", "shots", "shooting", "attempt", "tiro", "tiros", "disparo", "disparos", "remate", "remates",
        "schuss", "torschuss", "abschluss", "tir", "tirs", "frappe", "conclusione", "chute", "finalizacao",
        "schot", "удар", "удары", "シュート", "슈팅", "슛",
    ),
    Action.BALL_PLAYER_BLOCK: (
        "block", "blocks", "blocked pass", "interception", "interceptions", "bloqueo", "bloqueos",
        "intercepcion", "intercepciones", "abgefangen", "ballgewinn abgefangen", "interzeption", "contre",
        "intercetto", "blocco", "interceptacao", "bloqueio", "onderschepping", "перехват", "блок",
    ),
    Action.PLAYER_SUCCESSFUL_TACKLE: (
        "tackle", "tackles", "successful tackle", "tackle won", "entrada", "robo", "zweikampf gewonnen",
        "gratsche", "tacle", "contrasto", "contrasto vinto", "desarme", "desarmes", "отбор",
        "タックル", "태클",
    ),
    Action.FREE_KICK: (
        "free kick", "free kicks", "freekick", "tiro libre", "tiros libres", "falta directa",
        "freistoss", "coup franc", "calcio di punizione", "punizione", "tiro livre", "livre direto",
        "cobranca de falta", "vrije trap", "штрафной", "штрафной удар", "フリーキック", "프리킥",
    ),
    Action.GOAL: ("goal", "goals", "gol", "goles", "tor", "tore", "but", "buts", "rete", "gols", "golo",
        "doelpunt", "гол", "голы", "ゴール", "골",
    ),
}  # fmt: skip
#: Words that make a code another event than the action that it names.
_OTHER_EVENT = frozenset((
    "received", "receive", "reception", "conceded", "against", "allowed", "kick", "saved", "save", "own",
    "recibido", "recibidos", "contra", "encajado", "encajados", "gegentor", "subito", "subiti", "sofrido",
    "sofridos", "goalkeeper", "keeper", "portero", "touch", "touches",
))  # fmt: skip


def suggest_action(code: str) -> Action | None:
    """Return the action that a code names in one of several languages; None if none is clear."""
    plain = plain_words(code)
    padded = f" {plain} "
    found = {
        action: max((len(name) for name in names if f" {plain_words(name)} " in padded), default=0)
        for action, names in _NAMES.items()
    }
    longest = max(found.values())
    best = [action for action, length in found.items() if longest and length == longest]
    if not best:
        known = {plain_words(name): action for action, names in _NAMES.items() for name in names}
        close = difflib.get_close_matches(plain, known, n=1, cutoff=_SIMILAR)
        best = [known[name] for name in close if len(name) > 3]
    if len(best) != 1:
        return None
    # "Free kick" and "own goal": only words that are not part of the name itself.
    named = {word for name in _NAMES[best[0]] for word in plain_words(name).split()}
    return None if set(plain.split()) & _OTHER_EVENT - named else best[0]


def suggest_codes(tags: Iterable[Tag], source: str = "", known: CodeMap | None = None) -> str:
    """Write a draft of a code map, with the number of tags of each code.

    Args:
        tags: the tags.
        source: name of their file.
        known: a map whose rules are kept.

    Returns:
        YAML for `read_code_map`. Codes whose action is not clear have a `?` to be replaced.
    """
    counts = Counter(tag.code for tag in tags)
    lines = [
        f"# Codes of {source or 'the tags'}, each with an action, a class of your own (any name), or null",
        "# to leave its tags out. Replace every ?, and check the rest.",
        f"# Actions: {', '.join(BALL_ACTIONS.names)}",
    ]
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        rule = known.find(code) if known else None
        lines.append(f"{_quoted(code)}: {_suggestion(code, rule)}  # {count}")
    return "\n".join(lines) + "\n"


def _suggestion(code: str, rule: CodeRule | None) -> str:
    if rule is None:
        return suggest_action(code) or f'"{UNDECIDED}"'
    name = "null" if rule.label is None else _quoted(rule.label)
    return f"{{action: {name}, offset_s: {rule.offset_s:g}}}" if rule.offset_s else name


def _quoted(text: str) -> str:
    """Text as a scalar of YAML, in quotes unless it is words of letters only."""
    plain = text.replace(" ", "").isalpha() and text.casefold() not in (
        "null", "true", "false", "yes", "no", "on", "off", "y", "n",
    ) and text == text.strip()  # fmt: skip
    return text if plain else json.dumps(text, ensure_ascii=False)


def require_known(
    codes: CodeMap, tags: Iterable[Tag], source: str | Path, notes: Iterable[str] = ()
) -> None:
    """Check that a map has every code of some tags.

    Args:
        codes: the map.
        tags: the tags.
        source: their file, for messages.
        notes: remarks of its reader; if it assumed the encoding, the message says so.

    Raises:
        InputError: it lacks some; the message lists them with their counts.
    """
    unknown = codes.unknown(tags)
    if not unknown:
        return
    shown = ", ".join(f"'{code}' ({count})" for code, count in list(unknown.items())[:30])
    more = f" and {len(unknown) - 30} more" if len(unknown) > 30 else ""
    number = f"{len(unknown)} codes are" if len(unknown) > 1 else "1 code is"
    where = f"in {codes.source}" if codes.source else "of the 12 actions"
    assumed = f" ({ENCODING_NOTE})" if ENCODING_NOTE in notes else ""
    raise InputError(
        f"{source}: {number} not {where}: {shown}{more}: map each to an action, a class or null; "
        f"--suggest-map writes a draft{assumed}"
    )


def action_map() -> CodeMap:
    """Return the map for tags whose codes are the names of the 12 actions."""
    return CodeMap.of({action.value: action.value for action in BALL_ACTIONS})
