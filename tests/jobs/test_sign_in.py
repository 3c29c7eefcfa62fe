"""Signing in and sessions: one answer to everything wrong, locks that hit the guesser alone, codes good once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from argon2 import PasswordHasher
from counting import work_counted, work_of
from sqlalchemy import select

from integration.domain.access import lock_s
from integration.domain.rights import Role
from integration.jobs import manage_access
from integration.jobs.hub import Hub
from integration.jobs.sign_in import Person, SignedIn, SignInRefused, identify, person_of, sign_in, sign_out
from integration.storage import users
from integration.storage.tables import audit, login_failures, metadata, sessions

PASSWORD = "right horse battery"
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


#: A hash that costs next to nothing to verify, for tests that are about something else; a hash says what it costs.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def add(hub: Hub, name: str = "wang", role: Role = Role.CLERK, hashed: str = CHEAP) -> None:
    with hub.store.write() as connection:
        users.insert_user(connection, hub.clock, users.NewUser(name, role, hashed))


def come(
    hub: Hub, name: str = "wang", password: str = PASSWORD, code: str | None = None, address: str = HOME,
    device: str | None = None,
) -> SignedIn:  # fmt: skip
    return sign_in(hub, name=name, password=password, code=code, address=address, device=device)


def refusal(hub: Hub, *given: str, **more: str | None) -> str:
    with pytest.raises(SignInRefused) as refused:
        come(hub, *given, **more)  # type: ignore[arg-type]
    return refused.value.code


def actions(hub: Hub) -> list[str]:
    with hub.store.read() as connection:
        return list(connection.execute(select(audit.c.action).order_by(audit.c.audit_id)).scalars())


def factor(hub: Hub, name: str = "wang") -> pyotp.TOTP:
    """Give a person a second factor, as their telephone would then know it."""
    uri = manage_access.set_second_factor(hub, name, actor=name)
    return pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])


# --- sessions ------------------------------------------------------------------------------------------------------


def test_whoever_signs_in_is_known_by_the_token_until_they_sign_out(hub: Hub) -> None:
    add(hub)
    signed = come(hub)
    assert person_of(hub, signed.token) == Person("wang", Role.CLERK, None, frozenset())
    assert (signed.name, signed.role, signed.ends_at) == ("wang", "clerk", "2026-10-21T05:00:00+08:00")
    sign_out(hub, signed.token)
    sign_out(hub, signed.token)
    assert person_of(hub, signed.token) is None
    assert actions(hub) == ["signed_in", "signed_out"]


@pytest.mark.parametrize("token", ["", "x", "\ud800", "x" * 100_000, "a.b\x00"])
def test_what_is_no_token_is_nobodys(hub: Hub, token: str) -> None:
    assert person_of(hub, token) is None
    sign_out(hub, token)
    assert actions(hub) == []


def test_a_token_is_new_each_time_long_and_not_kept(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    first, second = come(sqlite_hub), come(sqlite_hub)
    assert len({first.token, second.token, first.device, second.device}) == 4
    assert len(first.token) >= 43  # 256 bits in base64
    assert "." not in first.token  # by which the door tells it from a machine's
    with sqlite_hub.store.read() as connection:
        kept = str([connection.execute(select(table)).all() for table in metadata.sorted_tables])
    for secret in (first.token, first.device, PASSWORD, HOME):
        assert secret not in kept


def test_a_session_ends_when_nobody_used_it_for_a_quarter_of_an_hour(hub: Hub, clock) -> None:
    add(hub)
    used, idle = come(hub), come(hub)
    for _ in range(2):
        clock.advance(minutes=14)
        assert person_of(hub, used.token)
    assert person_of(hub, idle.token) is None
    clock.advance(minutes=15)
    assert person_of(hub, used.token)
    clock.advance(minutes=15, seconds=1)
    assert person_of(hub, used.token) is None


def test_a_session_ends_after_eight_hours_however_busy(sqlite_hub: Hub, clock) -> None:
    add(sqlite_hub)
    signed = come(sqlite_hub)
    for _ in range(47):
        clock.advance(minutes=10)
        assert person_of(sqlite_hub, signed.token)
    clock.instant = datetime.fromisoformat(signed.ends_at)
    assert person_of(sqlite_hub, signed.token) is None


def test_the_last_request_is_noted_once_a_minute_at_most(hub: Hub, clock) -> None:
    add(hub)
    signed = come(hub)

    def writes() -> int:
        return sum(step.startswith("UPDATE sessions") for step in work_of(lambda: person_of(hub, signed.token)))

    assert writes() == 0
    clock.advance(seconds=59)
    assert writes() == 0
    clock.advance(seconds=1)
    assert [writes(), writes()] == [1, 0]


def test_old_sessions_of_a_person_go_when_they_come_again(sqlite_hub: Hub, clock) -> None:
    add(sqlite_hub)
    come(sqlite_hub)
    clock.advance(hours=9)
    come(sqlite_hub)
    with sqlite_hub.store.read() as connection:
        assert len(connection.execute(select(sessions)).all()) == 1


# --- what is wrong -------------------------------------------------------------------------------------------------


def test_unknown_disabled_and_wrong_are_one_answer_after_the_same_work(sqlite_hub: Hub) -> None:
    dear = users.hash_password(PASSWORD)
    add(sqlite_hub, "wang", hashed=dear)
    add(sqlite_hub, "gone", hashed=dear)
    with sqlite_hub.store.write() as connection:
        users.disable(connection, "gone")
    codes = [refusal(sqlite_hub, "first", PASSWORD)]  # makes the hash that stands in for the unknown
    tries = (("wang", "wrong one"), ("nobody", "wrong one"), ("\ud800", "wrong one"), ("gone", PASSWORD))
    seen = [work_of(lambda given=given: codes.append(refusal(sqlite_hub, *given))) for given in tries]
    assert codes == ["WRONG_SIGN_IN"] * 5
    assert seen[0] == seen[1] == seen[3]
    assert [len(work) for work in seen] == [len(seen[0])] * 2 + [len(seen[0]) - 1, len(seen[0])]  # no name, no look
    assert seen[0].count("$argon2id$v=19$m=65536,t=3,p=4$") == 1


def test_the_password_is_looked_at_outside_every_write(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    began = []

    def write() -> None:
        with sqlite_hub.store.write():  # a thread that is writing already is refused a second write
            began.append(True)

    with work_counted(at_hash=write):
        come(sqlite_hub)
    assert began == [True]


def test_five_failures_lock_for_a_quarter_of_an_hour_and_more_for_longer(hub: Hub, clock) -> None:
    add(hub)
    assert [refusal(hub, "wang", "wrong one") for _ in range(5)] == ["WRONG_SIGN_IN"] * 5
    with pytest.raises(SignInRefused) as refused:
        come(hub)
    assert (refused.value.code, refused.value.retry_after_s) == ("LOCKED", 15 * 60)
    clock.advance(minutes=15, seconds=-1)
    assert refusal(hub) == "LOCKED"
    clock.advance(seconds=1)
    assert refusal(hub, "wang", "wrong one") == "WRONG_SIGN_IN"
    clock.advance(minutes=29)
    assert refusal(hub) == "LOCKED"
    clock.advance(minutes=1)
    assert come(hub).name == "wang"
    assert refusal(hub, "wang", "wrong one") == "WRONG_SIGN_IN"  # counted from one again
    assert come(hub).name == "wang"
    assert actions(hub) == ["sign_in_locked", "sign_in_locked", "signed_in", "signed_in"]


def test_an_unknown_name_is_locked_as_a_known_one_is_and_stands_nowhere(sqlite_hub: Hub) -> None:
    assert [refusal(sqlite_hub, "my password!", "x") for _ in range(6)] == ["WRONG_SIGN_IN"] * 5 + ["LOCKED"]
    with sqlite_hub.store.read() as connection:
        kept = str([connection.execute(select(table)).all() for table in (audit, login_failures)])
    assert "my password!" not in kept
    assert "sign_in_locked" in kept


def test_a_guesser_locks_himself_out_and_neither_a_known_device_nor_another_place(hub: Hub) -> None:
    add(hub)
    device = come(hub).device
    for _ in range(5):
        refusal(hub, "wang", "wrong one")
    assert refusal(hub) == "LOCKED"
    assert come(hub, device=device).name == "wang"
    assert come(hub, address=ELSEWHERE).name == "wang"
    assert refusal(hub) == "LOCKED"


def test_a_mark_is_worth_nothing_for_another_name_or_changed(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    add(sqlite_hub, "li")
    device = come(sqlite_hub, "li").device
    other = ("A" if device[0] != "A" else "B") + device[1:]
    for _ in range(5):
        refusal(sqlite_hub, "wang", "wrong one", device=device)
    marks = (device, other, device[:-4], "é", "", "x" * 10_000)
    assert {refusal(sqlite_hub, device=mark) for mark in marks} == {"LOCKED"}  # all are the address's


def test_another_spelling_of_a_mark_is_the_same_mark(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    device = come(sqlite_hub).device
    assert device.endswith("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(device[-2])
    spelled = [f"{device[:-2]}{alphabet[last ^ bits]}=" for bits in range(4)]
    assert [refusal(sqlite_hub, "wang", "wrong one", device=one) for one in (*spelled, device)] == ["WRONG_SIGN_IN"] * 5
    assert refusal(sqlite_hub, device=device) == "LOCKED"


def test_one_ipv6_network_is_one_place(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    for n in range(5):
        refusal(sqlite_hub, "wang", "x", address=f"2001:db8:1:2::{n}")
    assert refusal(sqlite_hub, address="2001:db8:1:2:ffff::") == "LOCKED"
    assert come(sqlite_hub, address="2001:db8:1:3::1").name == "wang"


def test_an_address_is_the_same_in_either_notation(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    for address in (HOME, f"::ffff:{HOME}", HOME, f"::ffff:{HOME}", HOME):
        refusal(sqlite_hub, "wang", "x", address=address)
    assert {refusal(sqlite_hub, address=address) for address in (HOME, f"::ffff:{HOME}")} == {"LOCKED"}
    assert come(sqlite_hub, address="::ffff:198.51.100.1").name == "wang"


def test_a_hundred_guesses_at_once_are_five(hub: Hub) -> None:
    add(hub)
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: refusal(hub, "wang", "wrong one"), range(12)))
    assert sorted(codes) == ["LOCKED"] * 7 + ["WRONG_SIGN_IN"] * 5


def test_locks_double_up_to_a_day() -> None:
    assert [lock_s(n) for n in (0, 4, 5, 6, 7, 11)] == [0, 0, 900, 1800, 3600, 57_600]
    assert lock_s(12) == lock_s(10**9) == 24 * 3600


def test_failures_are_forgotten_two_days_later(sqlite_hub: Hub, clock) -> None:
    add(sqlite_hub)
    for _ in range(4):
        refusal(sqlite_hub, "wang", "wrong one")
        refusal(sqlite_hub, "wang", "wrong one", address=ELSEWHERE)
    clock.advance(hours=48, seconds=1)
    assert [refusal(sqlite_hub, "wang", "wrong one") for _ in range(2)] == ["WRONG_SIGN_IN"] * 2
    come(sqlite_hub)
    with sqlite_hub.store.read() as connection:
        assert connection.execute(select(login_failures)).all() == []


# --- the second factor ---------------------------------------------------------------------------------------------


def test_a_second_factor_is_asked_for_after_the_password_alone(hub: Hub, clock) -> None:
    add(hub)
    phone = factor(hub)
    assert refusal(hub, "wang", "wrong one") == "WRONG_SIGN_IN"
    assert refusal(hub) == "SECOND_FACTOR_NEEDED"
    assert come(hub, code=phone.at(clock())).name == "wang"


def test_a_code_is_good_once_and_none_before_it_any_more(hub: Hub, clock) -> None:
    add(hub)
    phone = factor(hub)
    before, code = phone.at(clock(), counter_offset=-1), phone.at(clock())
    assert come(hub, code=code).name == "wang"
    assert [refusal(hub, code=used) for used in (code, before)] == ["WRONG_SIGN_IN"] * 2
    assert come(hub, code=phone.at(clock(), counter_offset=1)).name == "wang"


def test_a_code_is_good_once_on_two_replicas(hub: Hub, clock) -> None:
    add(hub)
    phone = factor(hub)
    code = phone.at(clock())

    def once(n: int) -> str:
        try:
            return come(hub, code=code, address=f"192.0.2.{n}").name
        except SignInRefused as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(once, range(2))) == ["WRONG_SIGN_IN", "wang"]


@pytest.mark.parametrize("offset", [-2, 2])
def test_a_code_of_another_minute_is_wrong(sqlite_hub: Hub, clock, offset: int) -> None:
    add(sqlite_hub)
    assert refusal(sqlite_hub, code=factor(sqlite_hub).at(clock(), counter_offset=offset)) == "WRONG_SIGN_IN"


def test_what_is_no_code_is_wrong(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    factor(sqlite_hub)
    assert {refusal(sqlite_hub, code=code) for code in ("abc", "１２３４５６", "\ud800", " ")} == {"WRONG_SIGN_IN"}


def test_guessing_codes_with_the_right_password_is_locked_too(hub: Hub, clock) -> None:
    add(hub)
    phone = factor(hub)
    wrong = f"{(int(phone.at(clock(), counter_offset=5)) + 1) % 10**6:06d}"
    seen = []
    for _ in range(5):
        seen += [refusal(hub), refusal(hub, code=wrong)]  # asking without a code gives no guess back
    assert seen == ["SECOND_FACTOR_NEEDED", "WRONG_SIGN_IN"] * 5
    assert refusal(hub, code=phone.at(clock())) == "LOCKED"


def test_asking_without_a_code_never_locks(sqlite_hub: Hub, clock) -> None:
    add(sqlite_hub)
    phone = factor(sqlite_hub)
    for _ in range(4):
        refusal(sqlite_hub, "wang", "wrong one")
    assert [refusal(sqlite_hub) for _ in range(3)] == ["SECOND_FACTOR_NEEDED"] * 3
    assert come(sqlite_hub, code=phone.at(clock())).name == "wang"


def test_a_second_factor_moved_to_another_person_opens_nothing(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    add(sqlite_hub, "li")
    factor(sqlite_hub)
    with sqlite_hub.store.write() as connection:
        known = users.find_user(connection, "wang")
        assert known is not None
        users.set_second_factor(connection, "li", known.totp_sealed)
    with pytest.raises(Exception, match="changed"):
        come(sqlite_hub, "li", code="123456")


def test_a_person_proves_himself_without_a_session(hub: Hub) -> None:
    add(hub)
    assert identify(hub, name="wang", password=PASSWORD, code=None, address="here").role is Role.CLERK
    with pytest.raises(SignInRefused):
        identify(hub, name="wang", password="wrong one", code=None, address="here")
    with hub.store.read() as connection:
        assert connection.execute(select(sessions)).all() == []


def test_whoever_was_disabled_meanwhile_does_not_come_in(sqlite_hub: Hub) -> None:
    add(sqlite_hub)
    signed = come(sqlite_hub)
    with sqlite_hub.store.write() as connection:
        users.disable(connection, "wang")
    assert person_of(sqlite_hub, signed.token) is None
    assert refusal(sqlite_hub) == "WRONG_SIGN_IN"


@pytest.mark.soak
def test_ten_thousand_guesses_of_names_and_passwords_tell_nothing(sqlite_hub: Hub, clock) -> None:
    add(sqlite_hub)
    answers = {"wang": [], "nobody": []}
    for n in range(10_000):
        clock.advance(minutes=1)
        for name, seen in answers.items():
            seen.append(refusal(sqlite_hub, name, f"guess {n}"))
    assert answers["wang"] == answers["nobody"]
