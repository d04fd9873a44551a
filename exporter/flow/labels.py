"""Label sets: the names and values that tell one series from another, in one canonical order."""

import hashlib
from collections.abc import Mapping

LONGEST_VALUE = 256
"""How many characters of a label's value are kept."""

OTHER = "other"
"""What stands for a value that a limit keeps out."""

_DIGEST = 8
_LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)  # no UTF-8 can hold them
# Each has a picture of its own (U+2400 and on), so that values stay apart; only line breaks and tabs are text.
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: 0x2421}

Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by name; each name stands once. Equal label sets are equal values.

No value is empty: to Prometheus an empty label is an absent one, so two series that differ by one would be the same.
"""


def make_labels(pairs: Mapping[str, str]) -> Labels:
    """Return `pairs` as a label set; empty values are left out, and what no scrape could carry is replaced."""
    return _joined({}, pairs)


def label_value(text: str) -> str:
    """Return `text` as the value of a label, of `LONGEST_VALUE` characters at most; a value stays as it is.

    Control characters become their pictures: not every reader of an exposition takes them, and a terminal obeys them.
    What loses something, by its length or by lone surrogates, ends in `…` and a digest: two texts stay two values.
    """
    value = text.translate(_CONTROLS)
    whole = value.translate(_LONE_SURROGATES)
    if whole == value and len(value) <= LONGEST_VALUE:
        return value
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{whole[: LONGEST_VALUE - _DIGEST - 1]}…{digest}"


def extend(labels: Labels, **more: str) -> Labels:
    """Return `labels` with `more` added; a name in both takes the value in `more`."""
    return _joined(dict(labels), more)


def _joined(joined: dict[str, str], pairs: Mapping[str, str]) -> Labels:
    for name, value in pairs.items():
        if not value:
            joined.pop(name, None)
        elif len(value) <= LONGEST_VALUE and value.isprintable():
            joined[name] = value  # what nearly all are: this is done for every series of every read
        else:
            joined[name] = label_value(value)
    return tuple(sorted(joined.items()))
