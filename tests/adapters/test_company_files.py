"""Companies' TOML files: what is wrong is told all at once, with file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.companies import load_companies
from adapters.registry import companies_in
from schemas.configuration import ConfigurationRefused
from schemas.values import Service

FOLDER = Path(__file__).parents[2] / "config" / "companies"
WATER = (FOLDER / "city_water.toml").read_text(encoding="utf-8")
GAS = (FOLDER / "city_gas.toml").read_text(encoding="utf-8")


def refused(*files: tuple[str, str]) -> str:
    with pytest.raises(ConfigurationRefused) as caught:
        load_companies((name, text.encode()) for name, text in files)
    return str(caught.value)


def test_the_shipped_companies_load() -> None:
    companies = companies_in(FOLDER)
    assert {code: company.services for code, company in companies.items()} == {
        "city_gas": (Service.GAS,),
        "city_heating": (Service.HEATING,),
        "city_water": (Service.WATER,),
        "suburb_water": (Service.WATER,),
    }
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
        ('"转移" = "MOVE" }', '"转移" = "NEW" }', "each of KEEP, MOVE, NEW, RETRO, STOP needs one code"),
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
        ('newline = "crlf"', 'newline = "crlf"\nnames_row = true', "no line of column names"),
    ],
)
def test_each_mistake_of_fixed_width_is_named(old: str, new: str, said: str) -> None:
    assert old in GAS
    assert said in refused(("city_gas.toml", GAS.replace(old, new, 1)))


def test_totals_before_the_rows_need_the_full_roll() -> None:
    text = WATER.replace("full_roll = true", "full_roll = false").replace('{ field = "number"', '{ field = "rows"')
    assert "put them in the trailer" in refused(("city_water.toml", text))


def test_all_faults_of_all_files_are_told_at_once() -> None:
    text = refused(
        ("city_water.toml", WATER.replace('title = "市自来水公司"', "")),
        ("city_gas.toml", GAS.replace("full_roll = true", "")),
        ("broken.toml", "x ="),
        ("suburb/city_water.toml", WATER),
        ("z/city_water.toml", WATER),
    )
    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "broken.toml",
        "city_gas.toml",
        "city_water.toml",
        "z/city_water.toml",
    ]
    assert "another file has this code" in text
