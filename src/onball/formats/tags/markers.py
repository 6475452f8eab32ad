"""Names of the periods of a match, in several languages: `1H`, `Start 2. Halbzeit`, `Primera parte`.

Tagging programs mark the periods by ordinary entries. A marker is an entry whose code says nothing
but the period, and maybe that it begins or ends: `1st half`, `2nd half end`, but not `1st half goal`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_EXTRA_TIME = 2


@dataclass(frozen=True, slots=True)
class PeriodMarker:
    """Meaning of the code of a marker.

    Attributes:
        period: the period, from 1; 3 and 4 are those of extra time.
        text: the code.
        is_start: True if the code says that the period begins.
        is_end: True if the code says that the period ends. If neither is said, the entry lasts
            as long as the period.
    """

    period: int
    text: str
    is_start: bool
    is_end: bool


def plain_words(text: str) -> str:
    """Return a text in lower case, without accents, and with blanks between its words only."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = (char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.findall(r"[^\W_]+", "".join(kept)))


def _words(text: str) -> frozenset[str]:
    return frozenset(plain_words(text).split())


_FIRST = _words(
    "1 1st 1a 1o 1e 1er 1ro 1ra 1re 1ere i first erste ersten erster primera primer primero primeira "
    "primeiro premiere prima primo eerste forste første forsta первый первого первая prvo prvi prva prvni "
    "pierwsza ilk birinci "
    "الأول"
)
_SECOND = _words(
    "2 2nd 2a 2o 2e 2do 2da 2de 2eme 2nde ii second zweite zweiten zweiter segunda segundo deuxieme seconde "
    "secondo seconda tweede andra anden второй второго вторая drugo drugi druga druhy ikinci الثاني"
)
_NOUNS = _words(
    "half period h hz halbzeit spielhalfte tiempo parte periodo mitad temps mi periode tempo "
    "helft тайм тайма половина halvlek halvleg omgang poluvreme poluvrijeme polocas polowa połowa devre yari "
    "yarı الشوط"
)
_STARTS = _words(
    "start starts begin begins beginning beginn anfang anstoss anpfiff inicio comienzo debut coup envoi "
    "inizio kick off kickoff ko aftrap начало avspark baslangic بداية"
)
_ENDS = _words(
    "end ends ende fin final fine finale schluss abpfiff fim einde конец slut koniec kraj son نهاية"
)
_FILLERS = _words("of the der de du del della la le el il da do das dell d van от")
_EXTRA = _words("extra time et prolongation prorroga supplementare verlangerung overtime")

#: Names of one word, or in scripts without blanks between words.
_WHOLE = {
    plain_words(name): period
    for period, names in {
        1: ("1H", "H1", "1T", "1HZ", "HZ1", "前半", "上半场", "上半場", "전반", "전반전"),
        2: ("2H", "H2", "2T", "2HZ", "HZ2", "後半", "下半场", "下半場", "후반", "후반전"),
        3: ("ET1", "1ET", "E1"),
        4: ("ET2", "2ET", "E2"),
    }.items()
    for name in names
}


def find_marker(code: str) -> PeriodMarker | None:
    """Return the meaning of a code that marks a period; None for any other code."""
    words = plain_words(code).split()
    starts = any(word in _STARTS for word in words)
    ends = any(word in _ENDS for word in words) and not starts
    rest = " ".join(word for word in words if word not in _STARTS | _ENDS | _FILLERS)
    named = rest in _WHOLE or any(word in _NOUNS | _EXTRA for word in words)
    period = period_of(rest) if named or starts or ends else None  # not "1", a code like any other
    return None if period is None else PeriodMarker(period, code, starts, ends)


def period_of(text: str) -> int | None:
    """Return the period that a text names, such as `1st half`, `H2` or `2`; None for other texts."""
    plain = plain_words(text)
    if plain in _WHOLE:
        return _WHOLE[plain]
    words = [word for word in plain.split() if word not in _FILLERS]
    extra = [word for word in words if word in _EXTRA]
    ordinals = [word for word in words if word in _FIRST | _SECOND]
    others = [word for word in words if word not in {*ordinals, *extra, *_NOUNS}]
    if len(ordinals) != 1 or others or len(words) > 5:
        return None
    number = 1 if ordinals[0] in _FIRST else 2
    return number + _EXTRA_TIME if extra else number
