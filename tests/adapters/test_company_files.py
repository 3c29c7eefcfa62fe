"""Companies' TOML files: what is wrong is told all at once, with file and key."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from report_files import ROW, canonical
from report_files import WATER as REPORTED

from adapters.companies import load_companies
from adapters.registry import companies_in
from schemas.configuration import ConfigurationRefused
from schemas.faults import FileRefused
from schemas.reports import Answer, ReportKind
from schemas.values import Service

FOLDER = Path(__file__).parents[2] / "config" / "companies"
WATER = (FOLDER / "city_water.toml").read_text(encoding="utf-8")
GAS = (Path(__file__).parent / "companies" / "county_gas.toml").read_text(encoding="utf-8")


def refused(*files: tuple[str, str]) -> str:
    with pytest.raises(ConfigurationRefused) as caught:
        load_companies((name, text.encode()) for name, text in files)
    return str(caught.value)


def test_the_shipped_companies_load() -> None:
    companies = companies_in(FOLDER)
    assert {code: company.services for code, company in companies.items()}.items() >= {
        "city_gas": (Service.GAS,),
        "city_heating": (Service.HEATING,),
        "city_power": (Service.POWER,),
        "city_water": (Service.WATER,),
        "suburb_water": (Service.WATER,),
    }.items()
    assert companies["city_water"].title == "市自来水公司"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('code = "city_water"', 'code = "City Water"', "code"),
        ('code = "city_water"', 'code = "other"', "name the file other.toml"),
        ('services = ["water"]', 'services = ["wine"]', "services.0"),
        ('services = ["water"]', "services = []", "services"),
        ('title = "市自来水公司"', "", "title: Field required; add it"),
        ('form = "delimited"', 'form = "sheet"', "roster.form"),
        ('encoding = "gb18030"', 'encoding = "gbk"', "roster.encoding"),
        ('field = "account"', 'field = "acount"', "columns 1: unknown field"),
        ('field = "account" }', 'field = "predecessor" }', "a field stands twice"),
        ('as = "day8" }', 'as = "m3" }', "header 3"),
        ('"正常" = "open"', '"正常" = "opne"', "codes must lead to open, suspended, closed"),
        ('"居民" = true', '"居民" = "yes"', "codes must lead to true or false"),
        ('"转移" = "MOVE"', '"转移" = "NEW"', "each of CLAW_BACK, KEEP, MOVE, NEW, RETRO, STOP needs one code"),
        ('{ is = "HDR" }', '{ is = "HDR", field = "rows" }', "either a fixed text or a field"),
        ("full_roll = true", "full_rol = true", "list.full_rol"),
        ("CITYWATER_{month}", "../{month.year}", "file_name"),
        ("full_roll = true", "full_roll = false\nnames_row = [", "not TOML"),
    ],
)
def test_each_mistake_is_named(old: str, new: str, said: str) -> None:
    assert old in WATER
    text = refused(("city_water.toml", WATER.replace(old, new, 1)))
    assert text.startswith("city_water.toml: ")
    assert said in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", bytes = 12 }", " }", "its width in bytes is missing"),
        ('pad = "0" }', 'pad = "0" , is = "x" }', "either a fixed text or a field"),
        ('align = "right", pad = "0"', 'pad = "0"', "may be filled up with noughts"),
        ('field = "account", bytes = 12', 'field = "account", bytes = 12, align = "right", pad = "0"', "noughts"),
        ('newline = "crlf"', 'newline = "crlf"\nnames_row = true', "names_row: belongs to delimited, xlsx alone"),
    ],
)
def test_each_mistake_of_fixed_width_is_named(old: str, new: str, said: str) -> None:
    assert old in GAS
    assert said in refused(("county_gas.toml", GAS.replace(old, new, 1)))


REPORT = "[report]\nform"
TWICE = "two prices of one component and class have the same"
TARIFF = '[[tariff]]\nversion = "2019A"'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('of = "sewage" },\n  { name = "减前污', 'of = "污水" },\n  { name = "减前污', "report.columns.19.of: "),
        ('as = "m3" },\n  { name = "价格', 'as = "m3", of = "sewage" },\n  { name = "价格',
         'columns 14: "of" belongs to price_version, price_e4, charge_before_fen, waived_fen, charge_after_fen'),
        (', of = "sewage" },\n  { name = "减前污', ' },\n  { name = "减前污', "columns: a field stands twice"),
        ('field = "waived_fen", as = "yuan", of = "sewage"', 'field = "waived_fen", as = "yuan", of = "resource"',
         "columns: component sewage has no column for waived_fen"),
        ('"减免水费", field = "waived_fen", as = "yuan" }', '"减免水费" }',
         "columns: component basic has no column for waived_fen"),
        ('{ name = "回盘月", field = "month", as = "month6" }', '{ name = "回盘月" }',
         "header: a report's first line says its month"),
        ('{ name = "类别", field = "kind", codes = { O', '{ name = "类别", is = "O" }, # { O',
         "header: a report's first line says its kind"),
        ('"起月", field = "month_from"', '"起月", field = "month"', "a bill's months are either month, or"),
        ('"起月", field = "month_from"', '"起月", field = "month", as = "month6" }, { field = "month_from"',
         "a bill's months are either month, or month_from and month_to"),
        ('"起月", field = "month_from", as = "month6" }', '"起月" }', "a bill's months are either month, or"),
        ('field = "month_from", as = "month6" },\n  { name = "止月", field = "month_to", as = "month6" }',
         'is = "x" }', "a bill's months are either month, or month_from and month_to"),
        ('"开单日", field = "issued_on", as = "day8" }', '"开单日" }', "columns: no column for issued_on"),
        ('"减免水量", field = "waived_milli", as = "m3" }', '"减免水量" }', "columns: no column for waived_milli"),
        ('"开单日", field = "issued_on", as = "day8"', '"开单日", field = "issued_on", as = "month6"',
         'columns 7: "as" must be one of day8, day10'),
        ('"补减余额", field = "balance_fen", as = "yuan"', '"补减余额", field = "balance_fen", as = "m3"',
         'columns 24: "as" must be one of yuan, fen'),
        ('field = "price_e4", as = "price" }', 'field = "price_e4", as = "yuan" }',
         'columns 16: "as" must be one of price'),
        ('"补收" = "SUPPLEMENTARY"', '"补收" = "EXTRA"', "columns 5: codes must lead to BILL, SUPPLEMENTARY"),
        ('"00" = "APPLIED"', '"00" = "DONE"', "columns 25: codes must lead to APPLIED"),
        ('"00" = "APPLIED"', '"00" = "UNKNOWN"', "no code may lead to it"),
        ('O = "original"', 'O = "regular"', "header 4: codes must lead to original, replace, supplement"),
        ('{ name = "版次", field = "edition"', '{ name = "版次", field = "number"', "header 5: unknown field"),
        ('field = "answer_text"', 'field = "meter"', "columns 26: unknown field; known are list_number, reference"),
        ('field = "amount_fen", as = "yuan"', 'field = "amount_fen", as = "m3"',
         'trailer 4: "as" must be one of yuan, fen'),
    ],
)  # fmt: skip
def test_each_mistake_of_a_report_is_named(old: str, new: str, said: str) -> None:
    before, report = WATER.split(REPORT)
    assert report.count(old) == 1
    text = refused(("city_water.toml", before + REPORT + report.replace(old, new)))
    assert text.startswith("city_water.toml: report")
    assert said in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("up_to_milli = 22000", "up_to_milli = 15000", "tariff.0: the limits of the tiers do not ascend"),
        (", { price_e4 = 58000 }", "", "tariff.0: the last tier, and no other, is without end"),
        ('source = "', 'sauce = "', "tariff.0.source: Field required; add it"),
        ('source = "', 'sauce = "', "tariff.0.sauce: "),
        ("from = 2019-01-01\n", "", "tariff.0.from: Field required; add it"),
        ("from = 2019-01-01", 'from = "soon"', "tariff.0.from: "),
        ("price_e4 = 22000", "price_e4 = 2.2", "tariff.0.tiers.0.price_e4: "),
        ('version = "2027A"', 'version = "2019A"', f"tariff: {TWICE} version"),
        ("from = 2027-01-11", "from = 2019-01-01", f"tariff: {TWICE} since"),
        ('component = "sewage"', 'component = "污水"', "tariff.3.component: "),
        ('customers = "favourable"', 'customers = ""', "tariff.2.customers: "),
        ('version = "2019S"', 'version = "2019S"\nper = "week"', "tariff.3.per: "),
    ],
)  # fmt: skip
def test_each_mistake_of_a_tariff_is_named(old: str, new: str, said: str) -> None:
    before, tariff = WATER.split(TARIFF)
    tariff = TARIFF + tariff
    assert old in tariff
    text = refused(("city_water.toml", before + tariff.replace(old, new, 1)))
    assert f"city_water.toml: {said}" in text


def test_a_company_may_have_no_tariff_and_report_in_the_canonical_form_alone() -> None:
    (company,) = load_companies([("city_water.toml", WATER.split("[report]\nform")[0].encode())]).values()
    assert company.tariff.prices == ()
    assert company.report_reader() is not None


def test_faults_of_roster_report_and_tariff_are_told_together() -> None:
    text = WATER.replace('"正常" = "open"', '"正常" = "opne"').replace("price_e4 = 22000", "price_e4 = -1")
    text = text.replace('"30" = "HELD"', '"30" = "HOLD"')
    keys = [line.split(": ")[1] for line in refused(("city_water.toml", text)).splitlines()]
    assert keys == ["roster", "report", "tariff.0.tiers.0.price_e4"]


def test_tariffs_are_loaded_with_dates_classes_and_tiers() -> None:
    companies = companies_in(FOLDER)
    water = companies["city_water"].tariff.prices
    assert [(p.component, p.customers, p.version, p.per) for p in water] == [
        ("basic", "resident", "2019A", "month"),
        ("basic", "resident", "2027A", "month"),
        ("basic", "favourable", "2019F", "month"),
        ("sewage", "resident", "2019S", "month"),
    ]
    assert water[0].since == date(2019, 1, 1)
    assert [(t.up_to_milli, t.price_e4) for t in water[0].tiers] == [(15000, 22000), (22000, 31000), (None, 58000)]
    gas = companies["city_gas"].tariff.prices
    assert [(p.version, p.per, p.tiers[0].price_e4) for p in gas] == [
        ("2021G", "year", 26300),
        ("2026G", "year", 26350),
    ]
    assert [p.tiers[-1].price_e4 for p in companies["suburb_water"].tariff.prices] == [26000, 29000]
    assert companies["city_heating"].tariff.prices == ()


def test_a_company_without_its_own_report_reads_the_canonical_one() -> None:
    text = WATER[: WATER.index("# Report")]
    reader = load_companies([("city_water.toml", text.encode())])["city_water"].report_reader()
    assert reader
    head, rows = reader.read([canonical([ROW])])
    assert head.month == 202611
    assert [r.fault for r in rows] == [None]
    with pytest.raises(FileRefused, match="HEADER"):
        reader.read([b"HDR|CITYWATER|202611|O|1|20261203\nTRL|0|0.000|0.00\n"])


HEADER = '{ name = "制作日", field = "created_on", as = "day8" }'
TOTALS = """{ name = "行", field = "rows", as = "count" }, { name = "量", field = "quantity_milli", as = "m3" },
  { name = "额", field = "amount_fen", as = "yuan" }"""


@pytest.mark.parametrize(
    ("totals", "code", "column"),
    [("6|11.500|26.30", "", ""), ("5|11.500|26.30", "TRAILER_ROWS", "行"), ("6|11.501|26.30", "TRAILER_SUM", "量"),
     ("6|11.500|26.31", "TRAILER_SUM", "额")],
)  # fmt: skip
def test_totals_of_a_report_may_stand_in_its_first_line(totals: str, code: str, column: str) -> None:
    before, report = WATER.split(REPORT)
    assert HEADER in report
    text = before + REPORT + report.replace(HEADER, TOTALS)
    reader = load_companies([("city_water.toml", text.encode())])["city_water"].report_reader()
    assert reader
    _, rows = reader.read([REPORTED.replace(b"|1|20261203", b"|1|" + totals.encode())])
    if not code:
        assert len(list(rows)) == 6
        return
    with pytest.raises(FileRefused) as caught:
        list(rows)
    assert (caught.value.fault.code, caught.value.fault.row, caught.value.fault.column) == (code, 1, column)


def test_without_codes_the_hubs_own_words_stand_in_a_report() -> None:
    text = re.sub(r'(field = "(?:answer|kind)"), codes = \{[^}]*\} }', r"\1 }", WATER.split("[report]")[1])
    text = WATER.split("[report]")[0] + "[report]" + text
    reader = load_companies([("city_water.toml", text.encode())])["city_water"].report_reader()
    assert reader
    lines = REPORTED.decode("gb18030").splitlines()
    rows = [lines[1].replace("|正常|", "|BILL|").replace("|00|", f"|{code}|") for code in ("HELD", "UNKNOWN", "00")]
    odd = lines[1].replace("|正常|", "|bill|")
    file = ["HDR|CITYWATER|202611|original|1|20261203", *rows, odd, "TRL|4|0.000|0.00"]
    head, read = reader.read(["\n".join(file).encode("gb18030")])
    assert head.kind is ReportKind.ORIGINAL
    found = [
        (r.report_row.answer, r.report_row.answer_text) if r.report_row else str(r.fault and r.fault.code) for r in read
    ]
    assert found == [
        (Answer.HELD, ""), (Answer.UNKNOWN, "UNKNOWN"), (Answer.UNKNOWN, "00"), "UNKNOWN_CODE",
    ]  # fmt: skip
    with pytest.raises(FileRefused, match="HEADER"):
        reader.read(["\n".join(["HDR|CITYWATER|202611|O|1|20261203", *file[1:]]).encode("gb18030")])


def test_totals_before_the_rows_need_the_full_roll() -> None:
    text = WATER.replace("full_roll = true", "full_roll = false").replace('{ field = "number"', '{ field = "rows"')
    assert "put them in the trailer" in refused(("city_water.toml", text))


def test_all_faults_of_all_files_are_told_at_once() -> None:
    text = refused(
        ("city_water.toml", WATER.replace('title = "市自来水公司"', "")),
        ("county_gas.toml", GAS.replace("full_roll = true", "")),
        ("broken.toml", "x ="),
        ("suburb/city_water.toml", WATER),
        ("z/city_water.toml", WATER),
    )
    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "broken.toml",
        "city_water.toml",
        "county_gas.toml",
        "z/city_water.toml",
    ]
    assert "another file has this code" in text
