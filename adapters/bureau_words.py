"""The bureau's words 民政局用语: its columns, its codes, and what each means to the hub."""

from __future__ import annotations

from typing import Final

from schemas.registry import CertificateKind, FileKind, RecordKind
from schemas.values import Category, Status

HOUSEHOLD: Final = (
    "发证机关",
    "证件类别",
    "证件号",
    "原证件号",
    "类别",
    "状态",
    "有效期起",
    "有效期止",
    "区划代码",
    "社区",
    "住址",
)
MEMBER: Final = ("姓名", "身份证号", "与户主关系", "成员状态", "死亡日期")
RECORD: Final = ("生效日期", "版本号", "新增")
#: Which company a column of account numbers speaks of.
ACCOUNTS: Final = {
    "水户号": "city_water",
    "郊水户号": "suburb_water",
    "燃气户号": "city_gas",
    "热力户号": "city_heating",
}

FILE_KINDS: Final = {"全量": FileKind.SNAPSHOT, "增量": FileKind.DELTA}
KINDS_OF_CERTIFICATE: Final = {
    "低保证": CertificateKind.DIBAO,
    "特困证": CertificateKind.TEKUN,
    "低保边缘证": CertificateKind.DIBAO_EDGE,
    "困难职工证": CertificateKind.HARDSHIP,
    "再就业优惠证": CertificateKind.REEMPLOYMENT,
}
CATEGORIES: Final = {
    "城市低保": Category.DIBAO_URBAN,
    "农村低保": Category.DIBAO_RURAL,
    "特困": Category.TEKUN,
    "低保边缘": Category.DIBAO_EDGE,
    "困难职工": Category.HARDSHIP_WORKER,
}
STATUSES: Final = {
    "正常": Status.ACTIVE,
    "在保": Status.ACTIVE,
    "复核中": Status.SUSPENDED_REVIEW,
    "暂停复核": Status.SUSPENDED_REVIEW,
    "停保": Status.ENDED,
    "终止": Status.ENDED,
}
RELATIONS: Final = {
    "户主": "self",
    "本人": "self",
    "配偶": "spouse",
    "子": "child",
    "女": "child",
    "子女": "child",
    "父": "parent",
    "母": "parent",
    "父母": "parent",
    "其他": "other",
}
MEMBER_STATES: Final = {"": "present", "正常": "present", "在册": "present", "死亡": "dead", "迁出": "left"}
NEW: Final = {"": RecordKind.CHANGE, "N": RecordKind.CHANGE, "Y": RecordKind.GRANT}

#: The bureau's name of each field that the record's shape may refuse.
COLUMN_OF: Final = {
    "issuer": "发证机关",
    "number": "证件号",
    "district": "区划代码",
    "community": "社区",
    "text": "住址",
    "name": "姓名",
    "id_number": "身份证号",
    "source_version": "版本号",
}
