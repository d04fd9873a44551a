"""Redaction: secrets taken out of foreign words before anybody reads them."""

import html
import json
import re
from collections.abc import Iterable
from itertools import groupby

MASK = "<secret>"
_LONGEST_QUOTE = 200
_LONGEST_SPELLING = 16  # characters for one: percent-encoded twice, %25E7%25AE%25A1
_WINDOW = 4096  # characters of a text that are looked at: patterns are slow, and servers may answer megabytes


class Redactor:
    """Replaces every occurrence of some secrets in a text, in whatever spelling they stand there.

    The spellings: as they are, percent-encoded (once or more often, wholly or in part, `+` for a space), escaped
    as in JSON (once or more often), escaped as in HTML.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return `text` with `<secret>` in the place of each secret; of two that overlap the longer one goes first."""
        if not self._secrets:
            return text
        return re.sub("|".join(map(_spelled, self._secrets)), MASK, text)

    def quote(self, text: str, longest: int = _LONGEST_QUOTE) -> str:
        """Return `text` as one printable line of at most `longest` characters, without secrets."""
        # Redacted first: shortening or joining lines could leave a part of a secret that no longer looks like it.
        # For the same reason the end of an overlong text, where a secret may have been cut in two, is left out.
        reach = _LONGEST_SPELLING * max((len(secret) for secret in self._secrets), default=1)
        redacted = self(text[: _WINDOW + reach])
        if len(text) > _WINDOW + reach:
            redacted = redacted[:-reach]
        line = " ".join("".join(char if char.isprintable() else " " for char in redacted).split())
        return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _spelled(secret: str) -> str:
    """Return a pattern of `secret` in any spelling.

    Nowhere do two ways match the same text: with such a choice at each character a pattern would take for ever to find
    out that it does not match. So of two neighbours only one takes the backslashes in between.
    """
    pattern, escapes = "", ""
    for char, run in groupby(secret):
        times = len(list(run))
        if char == "\\":
            start = "" if pattern else r"(?<!\\)"
            pattern += rf"{start}(?:\\|{_percent(char)}){{{times},}}"
            escapes = ""
        else:
            pattern += _ways(char, escapes) + _ways(char, r"\\*") * (times - 1)
            escapes = r"\\*"
    return pattern


def _ways(char: str, escapes: str) -> str:
    """Return a pattern of `char` in any spelling, with `escapes` for the backslashes that may stand before it."""
    ways = [escapes + re.escape(char), _percent(char)]
    in_json, in_html = json.dumps(char)[1:-1], html.escape(char)
    if not in_json.endswith(char):
        ways.append(rf"{escapes}(?<=\\)(?i:{in_json[1:]})".replace(r"\u", r"\\+u"))
    if in_html != char:
        ways.append(re.escape(in_html))
    if char == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _percent(char: str) -> str:
    octets = char.encode("utf-8", "replace")
    return f"(?i:{''.join(f'%(?:25)*{octet:02x}' for octet in octets)})"
