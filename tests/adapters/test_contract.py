"""Every partner keeps every clause of the contract that it has the capabilities for, and nobody is left out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from signing import (
    CONFIG,
    CONFIGURED,
    PUSHES,
    SAMPLES,
    SIGNERS,
    collecting,
    folders,
    http_company,
    listings_of,
    readings_of,
    samples_of,
    sending,
)
from sshd import KEY_ENV, Served

from adapters.channels.exchange import Exchange
from adapters.channels.http_push import HttpPush
from adapters.contract.boxes import COLLECTING, Collecting
from adapters.contract.channels import SENDING
from adapters.contract.clauses import WORDS, Capability, Clause, State, Verdict, tried
from adapters.contract.damage import DAMAGE
from adapters.contract.listing import LISTS
from adapters.contract.reading import READING
from adapters.contract.report import CLAUSES, matrix, of_ways
from adapters.contract.samples import samples_in
from adapters.contract.signers import CANONICAL, signers_in
from adapters.contract.trials import Credentials, trial
from adapters.contract.ways import Sending
from adapters.dialects.spec import Table

__all__ = ["collecting", "http_company", "sending"]

README = Path(__file__).parents[2] / "adapters" / "README.md"


def kept(verdicts: list[Verdict]) -> None:
    """Fail with what is broken; skip what nobody is capable of, by the name of the capability."""
    broken = [f"{one.subject}: {one.reason}" for one in verdicts if one.state is State.BROKEN]
    assert broken == []
    if all(one.state is State.SKIPPED for one in verdicts):
        missing = sorted({capability for one in verdicts for capability in one.missing})
        pytest.skip(f"needs: {', '.join(missing)}")


@pytest.mark.parametrize("clause", [*READING, *DAMAGE], ids=lambda one: one.name)
@pytest.mark.parametrize("code", SIGNERS)
def test_the_files_that_a_partner_sends(code: str, clause: Clause[Any]) -> None:
    kept([tried(clause, file) for file in readings_of(code)])


@pytest.mark.parametrize("clause", LISTS, ids=lambda one: one.name)
@pytest.mark.parametrize("code", [code for code, signer in SIGNERS.items() if signer.writers])
def test_the_lists_that_a_company_gets(code: str, clause: Clause[Any]) -> None:
    kept([tried(clause, form) for form in listings_of(code)])


@pytest.mark.parametrize("clause", SENDING, ids=lambda one: one.name)
def test_the_ways_on_which_lists_are_sent(sending: Sending, clause: Clause[Sending]) -> None:
    kept([tried(clause, sending)])


@pytest.mark.parametrize("clause", COLLECTING, ids=lambda one: one.name)
def test_the_boxes_that_are_collected_from(collecting: Collecting, clause: Clause[Collecting]) -> None:
    kept([tried(clause, collecting)])


def test_a_partners_server_of_sftp_is_tried(in_thread: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its box is only looked into: a check may lay nothing there for it."""
    monkeypatch.setenv(KEY_ENV, str(in_thread.private_key))
    root = folders(tmp_path / "there")
    address = f"sftp://{in_thread.at(root).user}@127.0.0.1:{in_thread.port}{root}"
    with trial(SIGNERS["suburb_water"], address, "1", Credentials(in_thread.host_key, KEY_ENV)) as found:
        verdicts = list(of_ways(found.sending, found.collecting))
    assert [f"{one.clause}: {one.reason}" for one in verdicts if one.state is State.BROKEN] == []
    passed = {one.clause for one in verdicts if one.state is State.PASSED}
    assert {"nothing_half_is_visible", "the_list_comes_last", "a_box_can_be_looked_into"} <= passed
    assert {one.name.startswith("contract-check-1-") for one in (root / "out").iterdir()} == {True}
    assert list((root / "in").iterdir()) == []


# --- nobody is left out


@pytest.mark.parametrize("code", [code for code in CONFIGURED[-1] if code != "sandbox"])
def test_every_partner_of_the_configuration_has_a_sample_and_a_golden_file_of_each_kind(code: str) -> None:
    """The sandbox has none: no partner of its sends a file that the hub did not write itself."""
    signer = SIGNERS[code]
    kinds = {*signer.reads, *(("list",) if signer.writers else ())}
    own = kinds if code == CANONICAL else {kind for kind in kinds if signer.forms[kind] != CANONICAL}
    assert {one.kind for one in samples_of(code) if one.golden} == own
    assert {one.kind for one in samples_of(code) if not one.golden} == set()


def test_no_sample_is_of_nobody() -> None:
    assert {path.name.split(".")[0] for path in SAMPLES.iterdir()} <= set(SIGNERS)


def test_every_form_of_files_is_under_the_contract() -> None:
    forms = set(get_args(Table.model_fields["form"].annotation))
    assert {file.table.form for code in SIGNERS for file in readings_of(code) if file.declared} == forms
    assert {form.table.form for code in SIGNERS for form in listings_of(code) if form.declared} == forms


def test_every_form_of_ways_is_under_the_contract() -> None:
    models = (HttpPush, *get_args(get_args(Exchange)[0]))
    forms = {form for model in models for form in get_args(model.model_fields["form"].annotation)}
    assert forms == {"http_push", "sftp", "folder", "home"}  # the fixture `sending` has each
    pushed = {(HttpPush.model_validate({"form": "http_push", "url": "http://x/", **more}).answer)
              for more, _, _ in PUSHES.values()}  # fmt: skip
    assert pushed == set(get_args(HttpPush.model_fields["answer"].annotation))


def test_every_capability_has_its_words_and_every_clause_its_own_name() -> None:
    assert set(WORDS) == set(Capability)
    assert all(" / " in words for words in WORDS.values())
    assert len(set(CLAUSES)) == len(CLAUSES)
    assert all(" / " in one.meaning for group in (READING, DAMAGE, LISTS, SENDING, COLLECTING) for one in group)


def test_the_handbook_holds_the_matrix_of_the_configuration() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text[text.index("<!-- matrix -->\n") : text.index("<!-- /matrix -->")]
    assert shown.removeprefix("<!-- matrix -->\n") == matrix(signers_in(CONFIG))


def test_a_partner_without_a_sample_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "city_water.roster.txt").write_bytes(b"")
    assert [one.golden for one in samples_in(tmp_path, "city_water")] == [None]
