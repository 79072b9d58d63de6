"""How the HTML looks: a tone and a mark for each state (never colour alone), and the style sheet, on a screen and on paper."""

from __future__ import annotations

from report.model.guests import Coverage, Protection
from report.model.jobs import JobState

TONES: dict[str, str] = {
    Coverage.PLANNED: "good",
    Coverage.NOT_PLANNED: "bad",
    Coverage.UNDECIDED: "unknown",
    Protection.PROTECTED: "good",
    Protection.AT_RISK: "warn",
    Protection.UNPROTECTED: "bad",
    Protection.UNKNOWN: "unknown",
    Protection.WAIVED: "waived",
    JobState.ACTIVE: "good",
    JobState.PAUSED: "warn",
    JobState.BROKEN: "bad",
}
MARKS = {"good": "✓", "warn": "!", "bad": "✗", "unknown": "?", "waived": "–"}
WORST_FIRST = ("bad", "warn", "unknown", "good", "waived", "plain")


def tone(state: str) -> str:
    """Given a state's value, return its tone; "plain" for a row without one."""
    return TONES.get(state, "plain")


# a column's share of its table, in per cent: classes, because a strict content security policy forbids styles on elements
_WIDTHS = "".join(f".w{percent}{{width:{percent}%}}" for percent in range(1, 101))

# the longest word of a column, up to a bound beyond which words may break: no "unprotecte|d"; a date with its time has more room
LONGEST_WORD, LONGEST_HELD = 13, 18
_WORDS = "".join(f".m{length}{{min-width:calc({length} * .95ch + .75rem)}}" for length in range(1, LONGEST_HELD + 3))

# colours of Okabe and Ito, which colour-blind readers can tell apart, darkened for text on white
_LOOKS = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--quiet:#57606a;--line:#d5dae0;--band:#f4f6f8;--link:#0a58a8;
--good:#00795a;--warn:#a35a00;--bad:#b3261e;--unknown:#656d76;--waived:#2b6cb0}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e4e8ec;--quiet:#9aa5b1;--line:#343c46;--band:#1d232a;
--link:#7db8f0;--good:#3fc79a;--warn:#f0a848;--bad:#ff8076;--unknown:#a6b0ba;--waived:#79b4f2}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:88rem;padding:1rem 1.25rem 3rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1.25rem;color:var(--quiet);
border-bottom:1px solid var(--line);padding-bottom:.5rem}
header p{margin:0}.title{font-weight:700;color:var(--ink)}
nav{display:flex;gap:1.25rem;margin-left:auto}a{color:var(--link)}
h1{font-size:1.4rem;line-height:1.35;font-weight:600;margin:1.25rem 0 1rem;max-width:60rem}
h2{font-size:1.15rem;margin:2.25rem 0 .5rem}
p{margin:.25rem 0;max-width:60rem}.note,.empty{color:var(--quiet)}
.contents ol{columns:18rem;column-gap:2rem;margin:1rem 0 0;padding:.6rem 0 0;border-top:1px solid var(--line);list-style:none}
.contents li{padding:.1rem 0;break-inside:avoid}.contents{margin:0;display:block}
.bar{display:block;width:100%;height:1.25rem;border-radius:3px}
svg .good{fill:var(--good)}svg .warn{fill:var(--warn)}svg .bad{fill:var(--bad)}
svg .unknown{fill:var(--unknown)}svg .waived{fill:var(--waived)}svg .track{fill:var(--line);
stroke:var(--unknown);vector-effect:non-scaling-stroke}svg .ink{fill:var(--quiet)}
.strip{display:block;width:7.5rem;max-width:100%;height:.9rem;margin-top:.25rem}
.meter{display:block;width:100%;min-width:3rem;max-width:7rem;height:.45rem;margin-top:.2rem}.right .meter{margin-left:auto}
svg .line{fill:none;stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}svg .pale{stroke:var(--paper);stroke-width:5}
svg .dashed{stroke-dasharray:5 4}svg .edge{stroke:var(--line)}.curve{display:block;width:100%;min-width:12rem;height:3rem;
border:solid var(--unknown);border-width:1px 0}.steps{overflow:visible}
.patterns{position:absolute;width:0;height:0}pattern path{fill:none;stroke:var(--paper);stroke-width:1;opacity:.7}
pattern.unknown path{stroke-width:3;opacity:1}.legend li{display:flex;align-items:center;gap:.3rem}
.swatch{flex:none;width:.8rem;height:.8rem;margin-right:.4rem}
.trend{max-width:60rem;margin-top:.75rem}.chart{display:block;width:100%;height:8rem;border:solid var(--line);border-width:1px 0}
.most,.dates{display:flex;justify-content:space-between;color:var(--quiet);font-size:.85rem}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;list-style:none;margin:.6rem 0 1rem;padding:0}
.legend b{font-size:1.15rem}.small{font-size:.85rem;color:var(--quiet)}
.legend .good,tr.good .mark{color:var(--good)}.legend .warn,tr.warn .mark{color:var(--warn)}
.legend .bad,tr.bad .mark{color:var(--bad)}.legend .unknown,tr.unknown .mark{color:var(--unknown)}
.legend .waived,tr.waived .mark{color:var(--waived)}
.mark{display:inline-block;min-width:1em;font-weight:700;text-align:center}
.wide{overflow-x:auto}.option{white-space:nowrap}
caption,.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
table{position:relative;border-collapse:collapse;width:100%;font-size:.9rem;margin-top:.5rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line)}
thead th{color:var(--quiet);font-weight:600;vertical-align:bottom;overflow-wrap:normal}
td,tbody th{min-width:4rem}tbody th{font-weight:inherit}.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
thead .right{white-space:normal}
tbody .group th{background:var(--band);padding:.35rem .5rem;font-weight:600}
:target td,:target th{background:var(--band)}
@media screen and (min-width:100rem){body{max-width:98rem}.wide{overflow:visible}tr{scroll-margin-top:5rem}
thead th{position:sticky;top:0;background:var(--paper);box-shadow:inset 0 -1px var(--line)}}
@media screen and (max-width:40rem){h1{font-size:1.2rem}nav{margin-left:0;width:100%}.wide{overflow:visible}
table,tbody,tr,td,tbody th{display:block;width:100%}thead{display:none}
tr{padding:.5rem 0;border-bottom:1px solid var(--line)}tr.group{padding:0;border:0}
td,tbody th{border:0;padding:.05rem 0;min-width:0;text-align:left}td:empty{display:none}
tbody th{font-weight:600}.right{text-align:left}.right .meter{margin-left:0}col{display:none}
td[data-label]::before{content:attr(data-label) " ";color:var(--quiet);margin-right:.5rem}}
@page{size:A4;margin:12mm}@page wide{size:A4 landscape}
@media print{:root{color-scheme:light}nav,.contents{display:none}body{max-width:none;padding:0;font-size:10pt}.landscape{page:wide}
.wide{overflow:visible}a{color:inherit;text-decoration:none}table{font-size:8.5pt}
h1{font-size:13pt}h2{font-size:11pt;margin-top:1.5rem}
h2,section>p,thead,.group{break-after:avoid}tr,p,.legend,thead{break-inside:avoid}
tbody:first-of-type tr:first-child,.group+tr{break-before:avoid}
svg,.group th{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
# on a phone a table is a list, and its cells as wide as the page
STYLE = f"{_LOOKS}{_WIDTHS}\n@media print,screen and (min-width:40.01rem){{{_WORDS}}}\n"
