"""The endpoints, a module a kind of caller; ``ENDPOINTS`` is the one list of them all."""

from typing import Any, Final

from integration.web.api import access, acts, civil_affairs, companies, office, public, service

ENDPOINTS: Final = (
    *access.ENDPOINTS,
    *civil_affairs.ENDPOINTS,
    *companies.ENDPOINTS,
    *office.ENDPOINTS,
    *acts.ENDPOINTS,
    *service.ENDPOINTS,
    *public.ENDPOINTS,
)

_CERTIFICATE: Final = {"issuer": "江城区民政局", "kind": "dibao", "number": "DB-2026-000123"}

#: What requests look like, by the endpoint's name. The people in them do not exist.
EXAMPLES: Final[dict[str, Any]] = {
    "openSession": {"name": "wang", "password": "right horse battery", "code": "123456"},
    "sendReceipt": {"manifest_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    "askCertificate": _CERTIFICATE | {"benefit": "water"},
    "proposeRelease": {"reason": "已与民政局电话核实，确为批量年审注销"},
    "runMonth": {"full": False},
    "settle": {"company": "city_water", "month": "2026-10"},
    "findHousehold": {"certificate": _CERTIFICATE},
    "addClient": {
        "client_id": "city-water-billing", "title": "市自来水公司营收系统", "kind": "company", "party": "city_water",
    },
    "rotateClient": {"grace_s": 86400},
    "sendRegistryBatch": {
        "header": {
            "source": "civil_affairs", "kind": "delta", "message_id": "2026-11-24/17", "position": 1042,
            "as_of": 20261124, "month": "2026-11",
        },
        "rows": [
            {
                "certificates": [_CERTIFICATE], "category": "dibao_urban", "status": "active",
                "valid_from": 20261101, "valid_to": 20271031,
                "address": {"district": "420102", "community": "花园社区", "text": "花园路1号2栋3单元401室"},
                "members": [{"name": "示例", "id_number": "110101199003070011"}],
                "effective_on": 20261101, "source_version": 1042, "record": "grant",
            }
        ],
    },
}  # fmt: skip
