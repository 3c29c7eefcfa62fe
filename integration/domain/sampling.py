"""The audit sample 抽样: which rows of a month's reports are checked against copies of bills, and what they say of all.

Nobody chooses the rows. Their order is drawn from a seed that comes out of the hub's own signature over what the
company had reported and over the first audit checkpoint that covers it. The company had to report before the
checkpoint was signed, and cannot sign; whoever draws has nothing to choose, for report, checkpoint and key are given,
and an Ed25519 signature of one message is always the same (RFC 8032). Whoever holds the public key and the report can
draw the same rows again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from fractions import Fraction
from heapq import nsmallest
from itertools import islice
from math import comb
from typing import Final, NamedTuple

import msgspec

from integration.domain.prices import half_up

#: The first line of what is signed for a sample, so that it can be taken for nothing else.
ORIGIN: Final = "waiverhub/sample"


class Stratum(StrEnum):
    """The two kinds of rows that are drawn apart: those that relieve somebody, and those that relieve nobody.

    Zero use and refusals hide under-claims as the others hide over-claims, and would vanish among them.
    """

    RELIEF = "relief"
    NOTHING = "nothing"


class CheckResult(StrEnum):
    """What the copy of a bill showed; ``NO_COPY`` is an error of the whole row."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NO_COPY = "no_copy"


def stratum_of(waived_milli: int, waived_fen: int) -> Stratum:
    """Tell which kind a reported row is."""
    return Stratum.RELIEF if waived_milli or waived_fen else Stratum.NOTHING


# --- drawing ---------------------------------------------------------------------------------------------------


class Covered(NamedTuple):
    """A report as the audit has it: its number, and the SHA-256 (hex) of all its rows."""

    report_id: int
    sha256: str


def statement(company: str, month: str, reports: Sequence[Covered], tree_size: int, root_sha256: bytes) -> bytes:
    """Return what is signed for a sample: company, report month (2026-11), its reports, and the checkpoint's tree."""
    lines = [ORIGIN, company, month, *(f"report {one.report_id} {one.sha256}" for one in reports)]
    return "\n".join([*lines, f"tree {tree_size} {root_sha256.hex()}", ""]).encode()


def seed_of(signature: bytes) -> bytes:
    """Return the seed that a signature stands for."""
    return hashlib.sha256(signature).digest()


def sample_size(rows: int, per_mille: int, least: int) -> int:
    """Return how many of so many rows are drawn: the share, rounded up, but not fewer than ``least`` or all."""
    return min(rows, max(least, -(-rows * per_mille // 1000)))


def draw(seed: bytes, rows: Iterable[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Return the ``size`` rows (report, row) that come first in the order of the seed: each as likely as any other."""
    return nsmallest(size, rows, key=lambda row: _rank(seed, *row))


def _rank(seed: bytes, report_id: int, row: int) -> bytes:
    return hashlib.sha256(b"%b\n%d\n%d" % (seed, report_id, row)).digest()


# --- what it says of the whole ---------------------------------------------------------------------------------


class Checked(NamedTuple):
    """A drawn row: what was reported, and what the copy of the bill showed, in thousandths and fen."""

    reported_milli: int
    reported_fen: int
    true_milli: int
    true_fen: int
    delivered: bool = True

    @property
    def is_error(self) -> bool:
        """Whether the report was wrong, or nothing proves it right."""
        figures = (self.reported_milli, self.reported_fen) == (self.true_milli, self.true_fen)
        return not figures or not self.delivered


def missing_copy(reported_milli: int, reported_fen: int) -> Checked:
    """Return a row whose copy did not come: nothing of what it reports is proven."""
    return Checked(reported_milli, reported_fen, 0, 0, delivered=False)


class Projection(msgspec.Struct, frozen=True):
    """What a checked sample says of all rows of its kind.

    ``over_fen`` and ``under_fen`` are what was found in the sample; ``net_fen`` is the estimate for the whole (over
    less under, half up). ``least_errors`` and ``most_errors`` bound the errors among all rows, each at the stated
    confidence, and ``most_over_fen`` what all rows can have waived too much, at the confidence of ``most_errors``.
    """

    rows: int
    drawn: int
    errors: int
    over_fen: int
    under_fen: int
    net_fen: int
    least_errors: int
    most_errors: int
    most_over_fen: int

    @property
    def rate_per_mille(self) -> int:
        """The share of errors in the sample, in a thousand, half up."""
        return half_up(Fraction(1000 * self.errors, self.drawn)) if self.drawn else 0


def project(rows: int, checked: Sequence[Checked], largest_fen: Iterable[int], confidence_per_mille: int) -> Projection:
    """Return what a sample of so many ``rows`` says of all of them.

    The estimate is the mean error of a row times the rows (difference estimation). No row can have waived more
    than it reports: so all that is left unchecked holds at most the sum of the largest amounts, as many as there may be
    errors left. ``largest_fen`` are the amounts above nought of the rows that were not drawn, the largest first.
    """
    errors = [one for one in checked if one.is_error]
    differences = [one.reported_fen - one.true_fen for one in errors]
    over = sum(one for one in differences if one > 0)
    under = -sum(one for one in differences if one < 0)
    most = most_errors(rows, len(checked), len(errors), confidence_per_mille)
    right = most_errors(rows, len(checked), len(checked) - len(errors), confidence_per_mille)
    left = sum(islice(largest_fen, most - len(errors)))
    net = _rounded(Fraction(rows * (over - under), len(checked))) if checked else 0
    return Projection(rows, len(checked), len(errors), over, under, net, rows - right, most, over + left)


def most_errors(rows: int, drawn: int, found: int, confidence_per_mille: int) -> int:
    """Return the most errors that ``rows`` can hold, if ``found`` are among ``drawn`` of them, at this confidence.

    The largest number with which so few would be found more often than once in 1000 / (1000 − confidence): the exact
    bound of Clopper and Pearson (1934) for drawing without replacement, where the numbers are hypergeometric.
    """
    low, high = found, rows - (drawn - found)
    ways = comb(rows, drawn)
    while low < high:
        middle = (low + high + 1) // 2
        few = _ways_of_few(rows, drawn, found, middle)
        low, high = (middle, high) if 1000 * few > (1000 - confidence_per_mille) * ways else (low, middle - 1)
    return low


def _ways_of_few(rows: int, drawn: int, found: int, errors: int) -> int:
    """Count the samples that show at most ``found`` of so many errors; each term follows from the one before."""
    first = max(0, drawn - (rows - errors))
    ways = total = comb(errors, first) * comb(rows - errors, drawn - first)
    for shown in range(first, found):
        ways = ways * (errors - shown) * (drawn - shown) // ((shown + 1) * (rows - errors - drawn + shown + 1))
        total += ways
    return total


def _rounded(value: Fraction) -> int:
    return -half_up(-value) if value < 0 else half_up(value)
