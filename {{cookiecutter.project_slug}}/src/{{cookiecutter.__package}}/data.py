"""What a person has to look at before this table is used: the checks of `check-data`, in order.

In: a `TableView`: raw and typed rows with their contract. Out: findings, each with its column and
the way out; one with `blocking=True` has to be answered by an edit of project.toml. A check of your
own is a function that yields `Finding`s, and a line in CHECKS. `check` also writes their page.
"""

import re
from collections.abc import Iterator

from ml_lifecycle import Progress, counted
from ml_lifecycle.data import CheckedTable, Finding, TableView, check_data, checks, leaks
from ml_lifecycle.display import checked_table
from ml_lifecycle.evaluation import query

from .settings import Settings

# What calls a column personal data: its name, or what most of its values look like.
PERSONAL = re.compile(
    r"(first|last|sur|full|customer)_?name|e-?mail|phone(_?number)?$|address|birth|\biban\b|\bssn\b",
    re.IGNORECASE,
)
PATTERNS = {
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.\w+",
    "bank accounts": r"[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}",
    "phone numbers": r"(?:\+|00)\d[\d ()/.-]{7,18}|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}",
}
# Words for what nobody should be judged by, and how such words begin; without accents. The lists
# are a start: `sensitive_names` in project.toml adds the words of a company, a country or a trade.
WORDS = """
sex sexe sexo sesso geslacht plec пол 性别 性別 성별 国籍 國籍 국적 genero genre age alter edad
eta idade leeftijd wiek возраст 年龄 年齢 年齡 나이 race rasse raza razza raca ras rasa раса 种族
人種 etnia ethnie dob birthdate geburtsdatum etat_civil estado_civil stato_civile zivilstand
handicap handicape orientation creed caste kaste union gewerkschaft asylum
"""
BEGINNINGS = """
gender geschlecht ethni herkunft nationalit nacionalid nazionalit staatsang citizenship religi
konfession disab discapac behinder invalid pregnan schwanger enceinte embaraz senior marital
familienstand ehestand burgerlijke sexual seksual migra
"""
# A column of two values called after a group says who belongs to it.
GROUPS = """
male female man woman men women black white hispanic latino latina asian african caucasian foreign
foreigner immigrant minority indigenous native veteran disabled pregnant married divorced widowed
single muslim christian jewish catholic gay lesbian lgbt trans nonwhite mannlich weiblich auslander
homme femme hombre mujer uomo donna homem mulher
"""
PAIRS = """
m/f m/w h/f h/m male/female man/woman mannlich/weiblich homme/femme hombre/mujer uomo/donna 男/女
masculino/femenino masculino/feminino м/ж муж/жен masculin/feminin black/white white/nonwhite
"""
TOLD = checks.SensitiveWords(
    words=frozenset(WORDS.split()),
    beginnings=tuple(BEGINNINGS.split()),
    groups=frozenset(GROUPS.split()),
    pairs=tuple(frozenset(pair.split("/")) for pair in PAIRS.split()),
)


def personal_data(view: TableView) -> Iterator[Finding]:
    """Say which features look like personal data."""
    yield from checks.personal(view, PERSONAL, PATTERNS)


def sensitive(view: TableView) -> Iterator[Finding]:
    """Say which features may be about what nobody should be judged by."""
    yield from checks.sensitive(view, TOLD)


CHECKS = (
    checks.missing_words,  # how "NA" and its like are read
    checks.header,  # names that look like a row of data
    checks.columns,  # read in two ways, hardly varying, a time that is none
    personal_data,
    sensitive,
    checks.follows_time,  # what a later window holds only a part of
    leaks.target,  # nothing to learn, a class that is rare
    checks.rows,  # copies, too few
    checks.limits,  # beyond what the service takes
    leaks.twins,  # a feature over again
    leaks.gaps,  # missing in one group, or class, more than in another
    leaks.leaks,  # knows too much of the target, or of what comes later
)


def check(settings: Settings, progress: Progress) -> str:
    """Check the table and write the page about it; return what a person reads."""
    from ml_lifecycle.pages import data_page

    project, data = settings.project, settings.data

    def write_page(checked: CheckedTable) -> str:
        page = data_page(checked, project, data.ordered, PERSONAL, PATTERNS)
        (project.reports / "data.html").write_text(page, encoding="utf-8")
        return "Look at reports/data.html"

    checked = check_data(project, data, CHECKS, settings.service, progress, refused=write_page)
    for condition in settings.slices:
        query.matching(checked.rows, condition, checked.contract)
    classes = settings.task(checked.contract).classes
    said = checked_table(checked, classes[1] if len(classes) == 2 else "")
    if count := int(query.left_out(checked.rows, data.exclude, checked.contract).sum()):
        said += f"\n[data] exclude leaves {counted(count, 'row')} out of training and of the gate"
    return f"{said}\n{write_page(checked)}"
