"""Scopes and waivers in words: what a waiver is for reads the same from its short name and from its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.findings import FindingCode
from report.policy import EVERY_GUEST, Scope, Waiver
from report.words import LANGUAGES, describe_finding_name, describe_scope, describe_waived, describe_waiver_subject

NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9*-]{0,5}", fullmatch=True), max_size=2, unique=True).map(tuple)
RANGES = st.lists(st.tuples(st.integers(100, 300), st.integers(301, 900)) | st.integers(100, 900).map(lambda n: (n, n)))
SCOPES = st.builds(Scope, NAMES, NAMES, NAMES, NAMES, RANGES.map(tuple)).filter(lambda scope: scope != EVERY_GUEST)


@pytest.mark.parametrize(
    ("subject", "english", "french"),
    [
        ("lab/104", "guest lab/104", "invité lab/104"),
        (
            "lab/101 volumes_excluded mp0",
            "guest lab/101: volumes left out, mp0",
            "invité lab/101 : volumes laissés de côté, mp0",
        ),
        ("lab/101 scsi1", "guest lab/101: scsi1", "invité lab/101 : scsi1"),
        (
            "tag:dev not_encrypted",
            "guests with the tag dev: not encrypted",
            "invités avec l’étiquette dev : non chiffrée",
        ),
        (
            "cluster:lab vmid:100-199,300",
            "guests of the cluster lab, with one of the VMIDs 100–199, 300",
            "invités de la grappe lab, d’un des VMID 100–199, 300",
        ),
        ("something else", "something else", "something else"),
        ("vmid:many", "vmid:many", "vmid:many"),
        ("", "", ""),
    ],
)
def test_a_waiver_is_named_in_words(subject: str, english: str, french: str) -> None:
    told = [describe_waiver_subject(subject, language).replace("\N{NO-BREAK SPACE}", " ") for language in LANGUAGES]
    assert told == [english, french]


@given(SCOPES, st.sampled_from(("", *FindingCode)), st.sampled_from(("", "scsi0", "mp1")))
def test_a_waivers_short_name_says_all_that_its_parts_say(scope: Scope, code: str, volume: str) -> None:
    said = describe_waiver_subject(Waiver(scope, "", 0, code=code, volume=volume).subject, "en")
    what = describe_waived(code, volume, "en")
    assert said == ": ".join(part for part in (describe_scope(scope, "en"), what) if part)


def test_a_finding_of_an_older_version_keeps_its_code_for_a_name() -> None:
    assert describe_finding_name("gone_since", "fr") == "gone_since"
