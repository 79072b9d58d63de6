"""How the page looks: a tone and a mark for each state (never colour alone), and the style sheet."""

from __future__ import annotations

from report.model import Coverage, JobState, Protection

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

# colours of Okabe and Ito, which colour-blind readers can tell apart, darkened for text on white
STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--quiet:#57606a;--line:#d5dae0;--band:#f4f6f8;--link:#0a58a8;
--good:#00795a;--warn:#a35a00;--bad:#b3261e;--unknown:#656d76;--waived:#2b6cb0}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e4e8ec;--quiet:#9aa5b1;--line:#343c46;--band:#1d232a;
--link:#7db8f0;--good:#3fc79a;--warn:#f0a848;--bad:#ff8076;--unknown:#a6b0ba;--waived:#79b4f2}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:80rem;padding:1rem 1.25rem 3rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1.25rem;color:var(--quiet);
border-bottom:1px solid var(--line);padding-bottom:.5rem}
header p{margin:0}.title{font-weight:700;color:var(--ink)}
nav{display:flex;gap:1.25rem;margin-left:auto}a{color:var(--link)}
h1{font-size:1.4rem;line-height:1.35;font-weight:600;margin:1.25rem 0 1rem;max-width:60rem}
h2{font-size:1.15rem;margin:2.25rem 0 .5rem}
p{margin:.25rem 0;max-width:60rem}.note,.empty{color:var(--quiet)}
.bar{display:block;width:100%;height:1.25rem;border-radius:3px}
.bar .good{fill:var(--good)}.bar .warn{fill:var(--warn)}.bar .bad{fill:var(--bad)}
.bar .unknown{fill:var(--unknown)}.bar .waived{fill:var(--waived)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;list-style:none;margin:.6rem 0 1rem;padding:0}
.legend b{font-size:1.15rem}
.legend .good,tr.good .mark{color:var(--good)}.legend .warn,tr.warn .mark{color:var(--warn)}
.legend .bad,tr.bad .mark{color:var(--bad)}.legend .unknown,tr.unknown .mark{color:var(--unknown)}
.legend .waived,tr.waived .mark{color:var(--waived)}
.mark{display:inline-block;min-width:1em;font-weight:700;text-align:center}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin-top:.5rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line)}
thead th{color:var(--quiet);font-weight:600;white-space:nowrap}
td{min-width:4rem}.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.group th{background:var(--band);padding:.35rem .5rem}
:target td{background:var(--band)}
@media(max-width:40rem){h1{font-size:1.2rem}nav{margin-left:0;width:100%}.wide{overflow:visible}
table,tbody,tr,td,.group th{display:block;width:100%}thead{display:none}
tr{padding:.5rem 0;border-bottom:1px solid var(--line)}tr.group{padding:0;border:0}
td{border:0;padding:.05rem 0;min-width:0;text-align:left}td:empty{display:none}
td:first-child{font-weight:600}
td[data-label]:not(:first-child)::before{content:attr(data-label) " ";color:var(--quiet);margin-right:.5rem}}
@media print{nav{display:none}body{max-width:none;padding:0}}
"""
