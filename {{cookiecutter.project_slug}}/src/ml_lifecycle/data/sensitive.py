"""Which columns may be about what nobody should be judged by? Asked of names, and of values.

In: a column's name and the values in it. Out: yes or no. The lists are a start: `sensitive_names`
in project.toml adds the words of a company, a country or a trade.
"""

import re
import unicodedata
from collections.abc import Iterable

# Words for what is protected, and how such words begin; without accents.
_WORDS = """
sex sexe sexo sesso geslacht plec пол 性别 性別 성별 国籍 國籍 국적 genero genre age alter edad
eta idade leeftijd wiek возраст 年龄 年齢 年齡 나이 race rasse raza razza raca ras rasa раса 种族
人種 etnia ethnie dob birthdate geburtsdatum etat_civil estado_civil stato_civile zivilstand
handicap handicape orientation creed caste kaste union gewerkschaft asylum
"""
_BEGINNINGS = """
gender geschlecht ethni herkunft nationalit nacionalid nazionalit staatsang citizenship religi
konfession disab discapac behinder invalid pregnan schwanger enceinte embaraz senior marital
familienstand ehestand burgerlijke sexual seksual migra
"""
# A column of two values called after a group says who belongs to it.
_GROUPS = """
male female man woman men women black white hispanic latino latina asian african caucasian foreign
foreigner immigrant minority indigenous native veteran disabled pregnant married divorced widowed
single muslim christian jewish catholic gay lesbian lgbt trans nonwhite mannlich weiblich auslander
homme femme hombre mujer uomo donna homem mulher
"""
WORDS, BEGINNINGS = frozenset(_WORDS.split()), tuple(_BEGINNINGS.split())
GROUPS = frozenset(_GROUPS.split())
PAIRS = (
    *({"m", "f"}, {"m", "w"}, {"h", "f"}, {"h", "m"}, {"male", "female"}, {"man", "woman"}),
    *({"mannlich", "weiblich"}, {"homme", "femme"}, {"hombre", "mujer"}, {"男", "女"}),
    *({"masculino", "femenino"}, {"masculino", "feminino"}, {"uomo", "donna"}, {"м", "ж"}),
    *({"black", "white"}, {"white", "nonwhite"}, {"муж", "жен"}, {"masculin", "feminin"}),
)


def may_be_sensitive(name: str, values: Iterable[str], more: Iterable[str] = ()) -> bool:
    """Tell if a column may be sensitive; values: its distinct ones as text; more: words to know."""
    words = _words(name)
    known = WORDS | {plain for word in more for plain in (_plain(word), *_words(word))}
    if known & {*words, "_".join(words)} or any(word.startswith(BEGINNINGS) for word in words):
        return True
    said = {_plain(value) for value in values}
    return len(said) == 2 and (not GROUPS.isdisjoint(words) or said in PAIRS)


def _words(name: str) -> list[str]:
    """Return the words of a name: `maritalStatus`, `marital_status` and `Marital status` alike."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", _plain(apart))


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(c for c in letters if not unicodedata.combining(c)).strip().casefold()
