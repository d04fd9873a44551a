"""The types of what goes into the headers of a request."""

import re
from typing import Annotated

from pydantic import AfterValidator

from exporter.config.scalars import Reads, shaped
from exporter.config.secret import Secret

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"

# What http.client sends as it is (RFC 9110, section 5.5): one line of Latin-1 without control characters.
_VALUE = re.compile(r"[!-~\xa0-\xff]([ -~\xa0-\xff\t]*[!-~\xa0-\xff])?")


def _read_name(value: object) -> str:
    # The name stays untold: with the blank after its colon forgotten, the value is a part of it.
    if not isinstance(value, str) or not re.fullmatch(_NAME, value):
        raise ValueError("a header's name has no blanks and no signs such as a colon")
    return value


def _check_value(value: Secret) -> Secret:
    if not _VALUE.fullmatch(value.reveal()):
        raise ValueError("expected one line of Latin-1 characters without blanks at its ends")
    return value


HeaderName = Annotated[str, Reads(_read_name, {"title": "a header's name", "type": "string", "pattern": f"^{_NAME}$"})]
HeaderText = Annotated[str, shaped(r"[!-~]+", "ASCII characters without blanks", untold=True)]
HeaderValue = Annotated[Secret, AfterValidator(_check_value)]
