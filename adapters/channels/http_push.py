"""Pushing to a company's own HTTP server: PUT under the message's id, so that a repetition replaces itself.

Before something is sent again after an unclear end the server is asked whether it has it. No redirect is followed, and
no other host than the configured one is ever spoken to.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.base import Garbled, Parcel, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S: Final = 30
_TOO_BUSY: Final = (408, 425, 429, 500, 502, 503, 504)


def _with_port(url: str) -> str:
    try:
        urlsplit(url).port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError("the port is no number up to 65535") from None
    return url


class HttpPush(BaseModel):
    """The ``[delivery]`` of a company that takes its lists at a URL of its own.

    ``token_env`` names the environment's variable with the bearer token; it stands in no file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    form: Literal["http_push"]
    url: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"), AfterValidator(_with_port)]
    token_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = ""

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        """Send; return the status as text.

        Raises:
            Unreachable: try again later.
            Refused: it is not taken, and will not be.
            Garbled: the answer makes no sense.
        """
        digest = base64.b64encode(bytes.fromhex(parcel.sha256)).decode()
        headers = {
            "Content-Type": parcel.media_type,
            "Content-Length": str(parcel.size),
            "Content-Digest": f"sha-256=:{digest}:",
            **parcel.headers,
        }
        with self._asked("PUT", parcel.message_id, headers, content) as answer:
            if answer.status in (200, 201, 202, 204):
                return str(answer.status)
            raise _trouble(answer)

    def has(self, parcel: Parcel) -> bool:
        """Tell whether the company has a message already.

        Raises:
            Unreachable: it does not say.
        """
        with self._asked("HEAD", parcel.message_id, {}, ()) as answer:
            if answer.status in (404, 405, 410, 501):
                return False
            if answer.status in (200, 204):
                return True
            raise _trouble(answer)

    @contextmanager
    def _asked(
        self, method: str, message_id: str, headers: Mapping[str, str], content: Iterable[bytes]
    ) -> Iterator[HTTPResponse]:
        parts = urlsplit(self.url)
        token = os.environ.get(self.token_env, "") if self.token_env else ""
        known = {"Authorization": f"Bearer {token}"} if token else {}
        connection = _connection(parts.scheme, parts.netloc)
        try:
            path = f"{parts.path.rstrip('/')}/{quote(message_id, safe='')}"
            connection.request(method, path, body=content or None, headers={**headers, **known})
            yield connection.getresponse()  # the status says it all; a body may be endless, and is not read
        except OSError as error:  # first: a connection broken off before the answer is an HTTPException as well
            raise Unreachable(type(error).__name__) from None
        except HTTPException:
            raise Garbled("NO_HTTP") from None
        finally:
            connection.close()


def _connection(scheme: str, netloc: str) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(netloc, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    return HTTPConnection(netloc, timeout=_TIMEOUT_S)


def _trouble(answer: HTTPResponse) -> Unreachable | Refused:
    code = f"HTTP_{answer.status}"
    if answer.status in _TOO_BUSY:
        return Unreachable(code, answer.headers.get("Retry-After"))
    return Refused(code)
