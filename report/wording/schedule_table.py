"""The words that `report.wording.schedule_phrases` puts together: one frozen table a language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from report.calendar.fields import FieldName
from report.calendar.problems import HINTS, ScheduleProblem
from report.schedules import ScheduleWarningCode


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates and words of one language; `{}` is filled in order."""

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    also: str  # joins the last of a list
    day_number: Callable[[int], str]
    hour_of_day: Callable[[int], str]
    # runs: one value, and from–to
    weekday: tuple[str, str]
    day: tuple[str, str]
    month: tuple[str, str]
    year: tuple[str, str]
    plain: tuple[str, str]
    # times
    at: str
    every_second: str
    every_minute: str
    every_hour: str
    every_seconds: str
    every_minutes: str
    every_hours: str
    span: str  # rate, first time, last time
    within_the_hour: str  # every hour at :05
    in_hours: tuple[str, str]  # one, several
    at_minutes: tuple[str, str]
    at_seconds: tuple[str, str]
    # days
    daily: str
    daily_in: str  # months or years
    on_days: str  # days as a whole phrase
    of_each_month: str
    of_each_month_that_has_it: str
    of_month: str  # days, one month
    in_months: str  # days, several months
    on_date: str
    date: str  # day, month
    date_day: Callable[[int], str]
    dated: str  # date, year
    yearly_on: str
    weekday_in: str
    weekday_the: str
    weekday_only: str
    in_years: str
    every_years: str
    never: str
    leap_years_only: str
    first_rounds: dict[FieldName, str]  # the phrase so far, and what comes only in the first of consecutive rounds
    second_value: str
    hour_value: str
    rounds: dict[FieldName, str]
    field_names: dict[FieldName, str]
    warnings: dict[ScheduleWarningCode, tuple[str, str]]  # text, and what follows where there is a suggestion
    for_hours: str
    hints: dict[ScheduleProblem, str]


def _english_ordinal(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _english_hour(hour: int) -> str:
    if hour % 12 == 0:
        return "noon" if hour else "midnight"
    return f"{hour % 12} {'p.m.' if hour > 12 else 'a.m.'}"


def _french_ordinal(day: int) -> str:
    return "1er" if day == 1 else str(day)


ENGLISH = Wording(
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    also=" and ",
    day_number=_english_ordinal,
    hour_of_day=_english_hour,
    weekday=("{}", "{} to {}"),
    day=("{}", "{} to {}"),
    month=("in {}", "from {} to {}"),
    year=("in {}", "from {} to {}"),
    plain=("{}", "{} to {}"),
    at="{} at {}",
    every_second="every second",
    every_minute="every minute",
    every_hour="every hour",
    every_seconds="every {} seconds",
    every_minutes="every {} minutes",
    every_hours="every {} hours",
    span="{} from {} to {}",
    within_the_hour="every hour at {}",
    in_hours=("during hour {}", "during hours {}"),
    at_minutes=("at minute {}", "at minutes {}"),
    at_seconds=("at second {}", "at seconds {}"),
    daily="daily",
    daily_in="every day {}",
    on_days="on the {}",
    of_each_month="{} of each month",
    of_each_month_that_has_it="{} of each month that has one",
    of_month="on the {} of {}",
    in_months="on the {} {}",
    on_date="on {}",
    date="{} {}",
    date_day=str,
    dated="{} {}",
    yearly_on="every year {}",
    weekday_in="{} {}",
    weekday_the="{} the {}",
    weekday_only="{}, only {},",
    in_years="{} {}",
    every_years="every {} years from {}",
    never="never: no month has such a day",
    leap_years_only="{}, in leap years only,",
    first_rounds={
        FieldName.MONTH: "{}; {} only in the first of consecutive years",
        FieldName.DAY: "{}; the {} only in some months",
        FieldName.HOUR: "{}; {} only on the first of consecutive days",
        FieldName.MINUTE: "{}; {} only in the first of consecutive hours",
        FieldName.SECOND: "{}; {} only in the first of consecutive minutes",
    },
    second_value="second {}",
    hour_value="hour {}",
    rounds={
        FieldName.MONTH: "year",
        FieldName.DAY: "month",
        FieldName.HOUR: "day",
        FieldName.MINUTE: "hour",
        FieldName.SECOND: "minute",
    },
    field_names={
        FieldName.MONTH: "months",
        FieldName.DAY: "days",
        FieldName.HOUR: "hours",
        FieldName.MINUTE: "minutes",
        FieldName.SECOND: "seconds",
    },
    warnings={
        ScheduleWarningCode.HOURS_READ_AS_MINUTES: (
            "`{schedule}` runs {meaning}",
            "; for {intended} write `{suggestion}`",
        ),
        ScheduleWarningCode.NO_SUCH_HOUR: (
            "`{schedule}` runs {meaning}, because hours end at 23",
            "; for midnight write `{suggestion}`",
        ),
        ScheduleWarningCode.TIMES_READ_AS_MINUTES: (
            "`{schedule}` runs {meaning}, because the list is one of minutes",
            "; for a list of hours write `{suggestion}`",
        ),
        ScheduleWarningCode.RANGE_READ_AS_MINUTES: (
            "`{schedule}` runs {meaning}, because the range is one of minutes",
            "; for a range of hours write `{suggestion}`",
        ),
        ScheduleWarningCode.STEP_SKIPS_START: (
            "`{schedule}` runs {meaning}, because a step does not divide the {round}",
            "; to leave nothing out write the {field} as `{suggestion}`",
        ),
        ScheduleWarningCode.NEVER_RUNS: ("`{schedule}` never runs: none of its months has such a day", ""),
        ScheduleWarningCode.FINER_THAN_A_MINUTE: (
            "`{schedule}` asks for several runs a minute; Proxmox VE looks at its jobs once a minute",
            "",
        ),
    },
    for_hours="hours",
    hints=HINTS,
)

FRENCH = Wording(
    weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    months=(
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    also=" et ",
    day_number=_french_ordinal,
    hour_of_day=lambda hour: {0: "minuit", 12: "midi"}.get(hour, f"{hour} h"),
    weekday=("le {}", "du {} au {}"),
    day=("le {}", "du {} au {}"),
    month=("en {}", "entre {} et {}"),
    year=("en {}", "de {} à {}"),
    plain=("{}", "{} à {}"),
    at="{} à {}",
    every_second="chaque seconde",
    every_minute="chaque minute",
    every_hour="toutes les heures",
    every_seconds="toutes les {} secondes",
    every_minutes="toutes les {} minutes",
    every_hours="toutes les {} heures",
    span="{} de {} à {}",
    within_the_hour="toutes les heures à {}",
    in_hours=("pendant l’heure {}", "pendant les heures {}"),
    at_minutes=("à la minute {}", "aux minutes {}"),
    at_seconds=("à la seconde {}", "aux secondes {}"),
    daily="tous les jours",
    daily_in="tous les jours {}",
    on_days="{}",
    of_each_month="{} de chaque mois",
    of_each_month_that_has_it="{} de chaque mois qui en a un",
    of_month="{} {}",
    in_months="{}, {}",
    on_date="{}",
    date="le {} {}",
    date_day=_french_ordinal,
    dated="{} {}",
    yearly_on="chaque année {}",
    weekday_in="{} {}",
    weekday_the="{} {}",
    weekday_only="{}, seulement {},",
    in_years="{} {}",
    every_years="tous les {} ans à partir de {}",
    never="jamais : aucun mois n’a un tel jour",
    leap_years_only="{}, les années bissextiles seulement,",
    first_rounds={
        FieldName.MONTH: "{} ; {} seulement la première de plusieurs années consécutives",
        FieldName.DAY: "{} ; le {} certains mois seulement",
        FieldName.HOUR: "{} ; {} seulement le premier de plusieurs jours consécutifs",
        FieldName.MINUTE: "{} ; {} seulement la première de plusieurs heures consécutives",
        FieldName.SECOND: "{} ; {} seulement la première de plusieurs minutes consécutives",
    },
    second_value="seconde {}",
    hour_value="heure {}",
    rounds={
        FieldName.MONTH: "l’année",
        FieldName.DAY: "le mois",
        FieldName.HOUR: "la journée",
        FieldName.MINUTE: "l’heure",
        FieldName.SECOND: "la minute",
    },
    field_names={
        FieldName.MONTH: "mois",
        FieldName.DAY: "jours",
        FieldName.HOUR: "heures",
        FieldName.MINUTE: "minutes",
        FieldName.SECOND: "secondes",
    },
    warnings={
        ScheduleWarningCode.HOURS_READ_AS_MINUTES: (
            "`{schedule}` s’exécute {meaning}",
            " ; pour {intended}, écrire `{suggestion}`",
        ),
        ScheduleWarningCode.NO_SUCH_HOUR: (
            "`{schedule}` s’exécute {meaning}, car les heures vont jusqu’à 23",
            " ; pour minuit, écrire `{suggestion}`",
        ),
        ScheduleWarningCode.TIMES_READ_AS_MINUTES: (
            "`{schedule}` s’exécute {meaning}, car la liste porte sur les minutes",
            " ; pour une liste d’heures, écrire `{suggestion}`",
        ),
        ScheduleWarningCode.RANGE_READ_AS_MINUTES: (
            "`{schedule}` s’exécute {meaning}, car l’intervalle porte sur les minutes",
            " ; pour un intervalle d’heures, écrire `{suggestion}`",
        ),
        ScheduleWarningCode.STEP_SKIPS_START: (
            "`{schedule}` s’exécute {meaning}, car un pas ne divise pas {round}",
            " ; pour ne rien omettre, écrire les {field} `{suggestion}`",
        ),
        ScheduleWarningCode.NEVER_RUNS: ("`{schedule}` ne s’exécute jamais : aucun de ses mois n’a un tel jour", ""),
        ScheduleWarningCode.FINER_THAN_A_MINUTE: (
            "`{schedule}` demande plusieurs exécutions par minute ; Proxmox VE ne regarde ses tâches qu’une fois par minute",
            "",
        ),
    },
    for_hours="des heures",
    hints={
        ScheduleProblem.EMPTY: "le texte est vide ; écrire par exemple `daily` ou `mon..fri 22:30`",
        ScheduleProblem.BLANKS_AT_THE_ENDS: "enlever les blancs aux extrémités",
        ScheduleProblem.KEYWORD_CASE: "les mots-clés sont en minuscules, par exemple `daily`",
        ScheduleProblem.CRON_KEYWORD: "les mots en `@` sont ceux de cron ; écrire `daily`, pas `@daily`",
        ScheduleProblem.CRON_LINE: "cela ressemble à une ligne cron ; `30 2 * * 1-5` s’écrit `mon..fri 02:30`",
        ScheduleProblem.WEEKDAY_DASH: "un intervalle de jours s’écrit avec deux points de suite : `mon..fri`",
        ScheduleProblem.ZONE: "le seul fuseau possible est un `UTC` final en majuscules ; sinon celui de l’hôte vaut",
        ScheduleProblem.WEEKDAY: "les jours sont mon, tue, wed, thu, fri, sat, sun ou leurs noms anglais entiers",
        ScheduleProblem.NUMBER_TOO_LARGE: (
            "les heures vont jusqu’à 23, minutes et secondes jusqu'à 59, jours 31, mois 12, années 2199"
        ),
        ScheduleProblem.LAST_DAY: "`~` (jours comptés depuis la fin du mois) n’est pas pris en charge",
        ScheduleProblem.OTHER: (
            "la forme est JOURS ANNÉE-MOIS-JOUR HEURES:MINUTES:SECONDES, par exemple `mon..fri 22:30`"
        ),
    },
)

WORDINGS = {"en": ENGLISH, "fr": FRENCH}
