"""Pushing to a company's own HTTP server: PUT under the message's id, or POST to the one URL, plainly or by SOAP.

A repetition carries the same id, and before something is sent again after an unclear end the server is asked whether it
has it. No redirect is followed, and no other host than the configured one is ever spoken to.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Annotated, Final, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from adapters.base import Garbled, Parcel, Refused, Unreachable
from adapters.channels.answers import Verdict, body_of, json_code, judged, trouble
from adapters.channels.soap import Envelope, Fault, soap_code

_TIMEOUT_S: Final = 30
_TAKEN: Final = (200, 201, 202, 204)
_TOO_BUSY: Final = (408, 425, 429, 500, 502, 503, 504)
_MESSAGE_ID: Final = "{message_id}"
_URL: Final = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
EnvName = Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")]


def _with_port(url: str) -> str:
    try:
        urlsplit(url).port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError("the port is no number up to 65535") from None
    return url


class HttpPush(BaseModel):
    """The ``[delivery]`` of a company that takes its lists at a URL of its own.

    ``url_env`` names the environment's variable with the URL, where a file cannot know it: while that is not set, the
    company fetches its lists. ``token_env`` names the one with the bearer token; it stands in no file. ``status_path``
    is where on the same server a message that was posted is asked about; without any nobody can be asked.
    ``answer_codes`` are the company's codes, which stand in its answer under ``answer_key``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    form: Literal["http_push"]
    url: Annotated[str, Field(pattern=f"^({_URL.pattern})?$"), AfterValidator(_with_port)] = ""
    url_env: EnvName = ""
    method: Literal["PUT", "POST"] = "PUT"
    status_path: Annotated[str, Field(pattern=r"^(/[!-~]*\{message_id\}[!-~]*)?$")] = ""
    token_env: EnvName = ""
    envelope: Envelope | None = None
    answer: Literal["status", "json", "soap"] = "status"
    answer_key: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.-]{0,63}$")] = "code"
    answer_codes: Mapping[Annotated[str, Field(pattern=r"^\S{1,40}$")], Verdict] = Field(default_factory=dict)

    @property
    def is_connected(self) -> bool:
        """Whether there is an address to send to."""
        return bool(self._where())

    def _where(self) -> str:
        return self.url or os.environ.get(self.url_env, "").strip()

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        """Send; return the status as text, or what the company's own code means.

        Raises:
            Unreachable: try again later.
            Refused: it is not taken, and will not be.
            Garbled: the answer makes no sense.
        """
        headers = {**self._headers(parcel), **parcel.headers}
        if self.envelope is not None:
            content = self.envelope.around(parcel, content)
        with self._asked(self.method, self._path_of(parcel), headers, content) as answer:
            return self._taken(answer)

    def has(self, parcel: Parcel) -> bool:
        """Tell whether the company has a message already; False where nobody can be asked.

        Raises:
            Unreachable: it does not say.
        """
        path = self.status_path.replace(_MESSAGE_ID, quote(parcel.message_id, safe=""))
        if self.method == "POST" and not path:
            return False
        with self._asked("HEAD", path or self._path_of(parcel), {}, ()) as answer:
            if answer.status in (404, 405, 410, 501):
                return False
            if answer.status in (200, 204):
                return True
            raise _by_status(answer)

    def _path_of(self, parcel: Parcel) -> str:
        path = urlsplit(self._where()).path
        return path or "/" if self.method == "POST" else f"{path.rstrip('/')}/{quote(parcel.message_id, safe='')}"

    def _headers(self, parcel: Parcel) -> Mapping[str, str]:
        once = {"Idempotency-Key": parcel.message_id} if self.method == "POST" else {}
        if self.envelope is not None:
            return {**self.envelope.headers(parcel), **once}
        digest = base64.b64encode(bytes.fromhex(parcel.sha256)).decode()
        return {
            "Content-Type": parcel.media_type,
            "Content-Length": str(parcel.size),
            "Content-Digest": f"sha-256=:{digest}:",
            **once,
        }

    def _taken(self, answer: HTTPResponse) -> str:
        faulty = self.answer == "soap" and answer.status == 500  # where SOAP puts its faults
        if answer.status not in _TAKEN and not faulty:
            raise _by_status(answer)
        if self.answer == "status":
            if answer.headers.get_content_type() == "text/html":
                raise Garbled("HTML")  # a log-in page, say: that is no company's yes
            return str(answer.status)
        return judged(self._code(answer), self.answer_codes, answer)

    def _code(self, answer: HTTPResponse) -> str:
        if self.answer == "json":
            return json_code(answer, self.answer_key)
        return self._soap_code(answer)

    def _soap_code(self, answer: HTTPResponse) -> str:
        code = ""
        try:
            code = soap_code(body_of(answer), self.answer_key)
        except Fault as fault:
            raise (trouble("SOAP_FAULT", answer) if fault.of_server else Refused("SOAP_FAULT")) from None
        except Garbled:
            if answer.status in _TAKEN:
                raise
        if answer.status not in _TAKEN:  # nothing but a fault is believed there
            raise _by_status(answer)
        return code

    @contextmanager
    def _asked(
        self, method: str, path: str, headers: Mapping[str, str], content: Iterable[bytes]
    ) -> Iterator[HTTPResponse]:
        if not _URL.fullmatch(self._where()):
            raise Refused("BAD_URL")
        parts = urlsplit(self._where())
        all_headers = {**headers, **self._authorization()}
        connection = _connection(parts.scheme, parts.netloc)
        try:
            with _answered(connection, method, path, all_headers, content) as answer:
                yield answer
        except OSError as error:  # first: a connection broken off before the answer is an HTTPException as well
            raise Unreachable(type(error).__name__) from None
        except IncompleteRead:
            raise Unreachable("CUT_OFF") from None
        except HTTPException:
            raise Garbled("NO_HTTP") from None
        finally:
            connection.close()

    def _authorization(self) -> Mapping[str, str]:
        """Return the token's header; a token that is configured and missing lets nothing out."""
        if not self.token_env:
            return {}
        token = os.environ.get(self.token_env, "").strip()
        if not token or not (token.isascii() and token.isprintable()):
            raise Refused("NO_TOKEN")
        return {"Authorization": f"Bearer {token}"}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if faults := list(self._faults()):
            raise ValueError("; ".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        if bool(self.url) == bool(self.url_env):
            yield "either url, or url_env with the variable that holds it"
        if self.status_path and self.method == "PUT":
            yield "status_path: what was PUT is asked about under its own URL; take it out"
        if self.envelope is not None and self.method == "PUT":
            yield 'envelope: SOAP is sent with method = "POST"'
        if (self.envelope is None) == (self.answer == "soap"):
            yield 'envelope and answer = "soap" go together'
        if self.answer == "status" and (self.answer_codes or "answer_key" in self.model_fields_set):
            yield 'answer_key and answer_codes need answer = "json" or "soap"'
        if self.answer != "status" and Verdict.ACCEPTED not in self.answer_codes.values():
            yield "answer_codes: say which code means accepted"


def _connection(scheme: str, netloc: str) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(netloc, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    return HTTPConnection(netloc, timeout=_TIMEOUT_S)


def _answered(
    connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str], content: Iterable[bytes]
) -> HTTPResponse:
    """Send a request; return the answer, whose body is still to be read, and may be endless."""
    connection.connect()
    try:
        connection.request(method, path, body=content or None, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        # Who refuses a message by its headers may hang up on the rest of it; it is told why all the same.
        answer = connection.getresponse()
        if answer.status in _TAKEN:
            answer.close()
            raise
        return answer
    return connection.getresponse()


def _by_status(answer: HTTPResponse) -> Unreachable | Refused:
    code = f"HTTP_{answer.status}"
    return trouble(code, answer) if answer.status in _TOO_BUSY else Refused(code)
