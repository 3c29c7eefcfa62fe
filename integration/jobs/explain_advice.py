"""Why, and what to do, in plain Chinese and English: for every verdict, and for everything an allowance waits for.

Every member of the enumerations has its words; there is no text for "something else".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from integration.domain.households import Verdict
from integration.domain.progress import Outcome, Stage
from integration.domain.waiting import Waiting

Words = tuple[str, str]


class Advice(NamedTuple):
    """Why it is so, and what to do: whom to go to, with which paper, by when. Chinese and English say the same."""

    why: Words
    todo: Words


NOTHING: Final[Words] = ("不必做什么", "nothing needs to be done")

OUTCOMES: Final[Mapping[Outcome, Words]] = {
    Outcome.ENTITLED: ("有减免", "entitled"),
    Outcome.NOT_ENTITLED: ("没有减免", "not entitled"),
    Outcome.UNDETERMINED: ("尚不能确定（不是拒绝），待核实", "cannot be determined yet (this is no refusal)"),
}

VERDICTS: Final[Mapping[Verdict, Advice]] = {
    Verdict.ENTITLED: Advice(("证件有效", "the certificate is valid"), NOTHING),
    Verdict.IN_GRACE: Advice(
        ("证件有效期已过，尚在宽限期内，照常计算", "the certificate has run out, and still counts in its grace period"),
        (
            "请在宽限期内带证件和户口簿到街道（镇）办事处办理年审",
            "renew it in the grace period at the street or town office, with certificate and household register",
        ),
    ),
    Verdict.CATEGORY_NOT_SERVED: Advice(
        ("该类别不在本项减免范围内", "this category is not served by this benefit"),
        (
            "类别有误的，请到街道（镇）办事处更正；困难情况有变的，可重新申请低保",
            "if the category is wrong, the street or town office corrects it; if the need has grown, apply there anew",
        ),
    ),
    Verdict.ENDED: Advice(
        ("资格在本月之前已终止", "the right ended before this month"),
        (
            "有异议的，凭终止通知书到区民政局申请复核；仍困难的，可重新申请",
            "to object, take the notice to the district civil affairs bureau; if still in need, apply anew",
        ),
    ),
    Verdict.ABSENT: Advice(
        ("民政部门最近的名册中已无该户", "the registry's latest roll does not name the household"),
        (
            "仍有资格的，请带证件到街道（镇）办事处，由民政部门补报；补报后可补减",
            "if still entitled, take it to the street or town office; once reported again, months are made good",
        ),
    ),
    Verdict.NOT_STARTED: Advice(
        ("本月资格尚未开始", "the right had not begun in this month"),
        ("请自证件生效之月起查看", "look at the months from the certificate's first day on"),
    ),
    Verdict.EXPIRED: Advice(
        ("证件及宽限期均已届满", "certificate and grace period have run out"),
        (
            "请带证件和户口簿到街道（镇）办事处办理年审；恢复后以前月份可补减",
            "renew it at the street or town office, with certificate and register; then earlier months are made good",
        ),
    ),
    Verdict.DECEASED: Advice(
        ("家庭成员均已去世，减免到去世当月为止", "no member is alive; the right ended with the month of death"),
        ("不必退还已减免的费用", "nothing has to be paid back"),
    ),
    Verdict.NOT_IN_REGISTRY: Advice(
        ("登记中没有本月的记录", "the registry says nothing of this month"),
        (
            "持有证件的，请带证件到街道（镇）办事处，由民政部门报送",
            "whoever holds a certificate takes it to the street or town office, and civil affairs reports it",
        ),
    ),
    Verdict.SPLIT_MONTH: Advice(
        (
            "本月分户，当月仍随原户享受",
            "the household split off in this month, which is still the old household's",
        ),
        ("不必做什么，自次月起本户减免", "nothing needs to be done: from the next month on it has its own"),
    ),
    Verdict.MERGED: Advice(
        (
            "该户已并入另一户，由合并后的家庭享受",
            "the household became part of another one, which has the allowance",
        ),
        (
            "请查看合并后的家庭；合并有误的，请到街道（镇）办事处更正",
            "look at that household; if the merger is wrong, the street or town office corrects it",
        ),
    ),
    Verdict.OPTED_OUT: Advice(
        ("该户已书面表示不需要本项减免", "the household has said in writing that it wants nothing of this service"),
        (
            "随时可到市帮扶办撤回，自撤回之日起恢复",
            "it may take that back at the assistance office at any time, and is listed from that day",
        ),
    ),
}

WAITINGS: Final[Mapping[Waiting, Advice]] = {
    Waiting.NO_CANDIDATE: Advice(
        (
            "尚未找到本户的户号，额度保留，不因等待而丧失",
            "the household's account was not found yet; the allowance is kept, waiting costs nothing",
        ),
        (
            "请把缴费单交社区登记户号；户主不是家庭成员的，附租房合同或社区证明",
            "take a bill to the community office; if the holder is no member, also the lease or a community letter",
        ),
    ),
    Waiting.NOTHING_AGREES: Advice(
        (
            "所报户号的户名、地址与本户都对不上，额度保留，不因等待而丧失",
            "neither the account's holder nor its address agrees; the allowance is kept, waiting costs nothing",
        ),
        (
            "请到社区核对户号，并带租房合同或社区证明",
            "have the account checked at the community office, with the lease or a community letter",
        ),
    ),
    Waiting.NON_DOMESTIC: Advice(
        (
            "户号按非居民用户计费，暂不能减免，由市帮扶办核实，额度保留",
            "the account is billed as non-domestic; the assistance office looks into it, the allowance is kept",
        ),
        (
            "确系居住的，请带房产证或租房合同到公司改为居民用户，并告知市帮扶办",
            "if people live there, have the company change it to domestic with the deed or lease, and tell the office",
        ),
    ),
    Waiting.CLOSED: Advice(
        (
            "原户号已销户，额度保留，不因等待而丧失",
            "the account was closed; the allowance is kept, waiting costs nothing",
        ),
        ("搬家的，请把新住处的缴费单交社区登记", "after a move, take a bill of the new home to the community office"),
    ),
    Waiting.UNMATCHED: Advice(
        (
            "当时尚未找到本户的户号，额度保留，不因等待而丧失",
            "the household's account was not found then; the allowance is kept, waiting costs nothing",
        ),
        (
            "请把缴费单交社区登记户号；户主不是家庭成员的，附租房合同或社区证明",
            "take a bill to the community office; if the holder is no member, also the lease or a community letter",
        ),
    ),
    Waiting.UNCONFIRMED: Advice(
        (
            "该户号已有另一低保户，本户须经社区确认，额度保留",
            "another such household stands on this account; this one must be confirmed, the allowance is kept",
        ),
        (
            "请社区出具两户同住合用一表的证明，交市帮扶办确认",
            "ask the community office for a letter that both share the meter; the assistance office confirms it",
        ),
    ),
    Waiting.DUPLICATE_PERSON: Advice(
        (
            "有成员同时在另一有效证件中；较早生效的证件先享受，本户额度保留",
            "a member also stands in another valid certificate; the earlier one serves, this allowance is kept",
        ),
        (
            "请带证件到发证的街道（镇）办事处，由两地民政部门核实后更正",
            "take the certificate to the office that issued it; both district offices clear it up and correct it",
        ),
    ),
    Waiting.NEXT_RUN: Advice(
        ("户号已找到，下次计算时落户并补减", "the account is found; the next run places the allowance there"),
        NOTHING,
    ),
}

STAGES: Final[Mapping[Stage, Advice]] = {
    Stage.NO_RIGHT: Advice(("本月没有额度", "there is no allowance in this month"), NOTHING),
    Stage.NOT_COMPUTED: Advice(
        ("本月尚未计算", "the month has not been computed yet"),
        ("不必做什么，到时自动计算", "nothing needs to be done: it is computed in its time"),
    ),
    Stage.NOT_POSTED: Advice(
        (
            "上次计算时还不知道本户有资格，下次计算时补计",
            "the right became known after the last run; the next one makes the month good",
        ),
        NOTHING,
    ),
    Stage.NO_PLACE: Advice(("额度已留出，尚未落到户号", "the allowance is kept, on no account yet"), NOTHING),
    Stage.NOT_LISTED: Advice(
        ("已入账，名单尚未下发给公司", "it is posted; the list is not published to the company yet"),
        NOTHING,
    ),
    Stage.LIST_HELD: Advice(
        (
            "已入账，名单正由市帮扶办复核，放行后下发",
            "it is posted; the list is under review and goes out when released",
        ),
        NOTHING,
    ),
    Stage.LISTED: Advice(("当时已在下发公司的名单中", "it was on the list that the company had by then"), NOTHING),
    Stage.AWAITING: Advice(
        ("已列入名单，等待公司出账", "it is on the company's list and waits for the bill"),
        (
            "请看下一张账单上的减免；账单未减的，告知市帮扶办",
            "look for it on the next bill; if it is not there, tell the assistance office",
        ),
    ),
    Stage.SILENT: Advice(
        ("公司逾期未报送该月结果", "the company's report of the month is overdue"),
        (
            "由公司补报，市帮扶办督促；请保存账单",
            "the company must report, and the assistance office sees to it; keep the bills",
        ),
    ),
    Stage.LEFT_OUT: Advice(
        ("公司的报送中没有本户", "the company's report says nothing of this household"),
        (
            "由公司补报本户，市帮扶办督促；请保存账单",
            "the company must report this household, and the assistance office sees to it; keep the bills",
        ),
    ),
    Stage.UNDECIDED: Advice(
        ("公司的答复没有定论", "the company's answer decides nothing"),
        ("由公司给出明确结果，市帮扶办督促", "the company must decide, and the assistance office sees to it"),
    ),
    Stage.REFUSED: Advice(
        ("公司答复不能减免，原因见下", "the company answered that it applies nothing; its reason stands below"),
        ("由市帮扶办核实，见下", "the assistance office looks into it; see below"),
    ),
    Stage.BILLED: Advice(("公司已出账", "the company has made out the bill"), NOTHING),
    Stage.LAPSED: Advice(
        (
            "可用期内没有购买，额度已过期，不折现金",
            "nothing was bought in its time; the allowance has lapsed and is not paid out",
        ),
        ("请按时购气（水），额度最多累计几个月", "top up in time: allowances accrue for some months only"),
    ),
    Stage.STANDS: Advice(
        (
            "已按当时所知减免，事后资格有变：不追回，不影响家庭",
            "it was granted by what was known then, and the right changed later: nothing is taken back",
        ),
        NOTHING,
    ),
    Stage.TAKEN_BACK: Advice(
        (
            "有关部门已依法决定追回本月减免",
            "an authority has decided that relief of this month is taken back",
        ),
        (
            "有异议的，凭决定书在规定期限内申请复议",
            "to object, take the decision to the authority that it names, within its time",
        ),
    ),
}
