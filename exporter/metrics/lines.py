"""Lines of an exposition, as the client library's encoders write them and at a tenth of their cost.

What alerts of equal labels have in common is put together once. Both formats (text 0.0.4 and OpenMetrics 1.0) write a
sample in the same way; only OpenMetrics has exemplars. tests/metrics/test_metrics_lines.py holds each line against the
library's.
"""

from collections.abc import Sequence
from functools import lru_cache

from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.flow.labels import LONGEST_VALUE, Labels, label_value

_GO_EXPONENTS_FROM = 1e6
_LABEL_SETS = 16_384  # that many, with the names of the gaps, are remembered


def sample_line(name: str, labels: Labels, value: float, names: tuple[str, ...] = (), texts: Sequence[str] = ()) -> str:
    """Return the line of a sample. Labels of the `names`, which are sorted, with these `texts`, win over `labels`.

    As in a label set, an empty text is an absent label. Labels are never empty: all have a source.
    """
    if not texts:
        return f"{name}{{{_around(labels, (), ())[0]}}} {_number(value)}\n"
    gaps = names if all(texts) else tuple(name for name, text in zip(names, texts, strict=True) if text)
    pieces = _around(labels, names, gaps)
    line = pieces[0]
    for text, after in zip(filter(None, texts), pieces[1:], strict=True):
        line += _value(text) + after
    return f"{name}{{{line}}} {_number(value)}\n"


def with_exemplar(line: str, exemplar: Exemplar | None) -> str:
    """Return the line with the exemplar behind it, where there is one, as OpenMetrics has it."""
    if exemplar is None:
        return line
    labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sorted(exemplar.labels.items()))
    return f"{line[:-1]} # {{{labels}}} {_number(exemplar.value)} {exemplar.timestamp}\n"


@lru_cache(maxsize=_LABEL_SETS)
def _around(labels: Labels, hidden: tuple[str, ...], gaps: tuple[str, ...]) -> tuple[str, ...]:
    """Return the text of a label set without the `hidden`, in pieces between which the values of the `gaps` belong."""
    known = {name: f'{name}="{_escape(value)}"' for name, value in labels if name not in hidden}
    pieces, text = [], ""
    for name in sorted([*known, *gaps]):
        text += "," if text else ""
        if name in known:
            text += known[name]
        else:
            pieces.append(f'{text}{name}="')
            text = '"'
    return (*pieces, text)


def _value(text: str) -> str:
    # An id, and most of what else is one of a kind, is letters and digits: nothing to mend, nothing to escape.
    return text if text.isalnum() and len(text) <= LONGEST_VALUE else _mended(text)


@lru_cache(maxsize=_LABEL_SETS)
def _mended(text: str) -> str:
    return _escape(label_value(text))  # names, of which many alerts have the same


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    # The library writes numbers from a million on as Go does, and the others as Python does.
    return repr(float(value)) if 0 <= value < _GO_EXPONENTS_FROM else floatToGoString(value)
