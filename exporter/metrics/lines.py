"""Lines of an exposition, as the client library's encoders write them and at a tenth of their cost.

What alerts of equal labels have in common is put together once. Both formats (text 0.0.4 and OpenMetrics 1.0) write a
sample in the same way; only OpenMetrics has exemplars. tests/metrics/test_metrics_lines.py holds each line against the
library's.
"""

from functools import lru_cache

from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.flow.labels import LONGEST_VALUE, Labels, extend, label_value

_GO_EXPONENTS_FROM = 1e6
_PYTHON_EXPONENTS_FROM = 1e16
_LABEL_SETS = 16_384  # that many, with what samples add to them, are remembered


def sample_line(
    name: str, labels: Labels, value: float, names: tuple[str, ...] = (), texts: tuple[str, ...] = ()
) -> str:
    """Return the line of a sample. Labels of the `names` with these `texts` win over `labels`.

    The first of them is the sample's own, and never empty; the others are those of many samples, and as in a label set,
    an empty text is an absent label. Labels are never empty: all have a source.
    """
    before, after = _around(labels, names, texts[1:])
    if not texts:
        return f"{name}{before}{_number(value)}\n"
    own = texts[0]
    # An id is digits: nothing to mend, nothing to escape.
    written = own if own.isalnum() and len(own) <= LONGEST_VALUE else _escape(label_value(own))
    return f"{name}{before}{written}{after}{_number(value)}\n"


def with_exemplar(line: str, exemplar: Exemplar | None) -> str:
    """Return the line with the exemplar behind it, where there is one, as OpenMetrics has it."""
    if exemplar is None:
        return line
    labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sorted(exemplar.labels.items()))
    return f"{line[:-1]} # {{{labels}}} {_number(exemplar.value)} {exemplar.timestamp}\n"


@lru_cache(maxsize=_LABEL_SETS)
def _around(labels: Labels, names: tuple[str, ...], shared: tuple[str, ...]) -> tuple[str, str]:
    """Return what stands between a sample's name and its number: before its own text, and after it.

    `shared` are the texts of all `names` but the first, which is its own; without any all stands before.
    """
    own, others = names[:1], names[1:]
    texts = {
        name: f'{name}="{_escape(text)}"'
        for name, text in extend(labels, **dict(zip(others, shared, strict=True)))
        if name not in own
    }
    if not own:
        return f"{{{','.join(texts.values())}}} ", ""
    before = "".join(f"{text}," for name, text in texts.items() if name < own[0])
    after = "".join(f",{text}" for name, text in texts.items() if name > own[0])
    return f'{{{before}{own[0]}="', f'"{after}}} '


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    """Return a number as the library writes it, from a million on as Go does; times in two thirds of its time."""
    written = repr(float(value))
    if 0 <= value < _GO_EXPONENTS_FROM:
        return written
    if not 0 <= value < _PYTHON_EXPONENTS_FROM:
        return str(floatToGoString(value))
    whole, _, decimals = written.partition(".")
    mantissa = f"{whole[0]}.{whole[1:]}{decimals}".rstrip("0.")
    return f"{mantissa}e+{len(whole) - 1:02d}"
