"""Lines of an exposition, as the client library's encoders write them and at a tenth of their cost.

What alerts of equal labels have in common is put together once. Both formats (text 0.0.4 and OpenMetrics 1.0) write a
sample in the same way; only OpenMetrics has exemplars. tests/metrics/test_metrics_lines.py holds each line against the
library's.
"""

from functools import lru_cache

from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.flow.labels import LONGEST_VALUE, Labels, label_value

_GO_EXPONENTS_FROM = 1e6
_WHOLE_TO = 2**53  # up to it, each whole number is a float
_EXPONENTS = tuple(f"e+{digits - 1:02d}" for digits in range(18))  # by how many digits stand before the point
_LABEL_SETS = 16_384  # that many, with what samples add to them, are remembered


def sample_line(name: str, labels: Labels, value: float, own: tuple[str, str] | None = None) -> str:
    """Return the line of a sample. A label of its `own`, its name and its text, wins over that of `labels`.

    Labels are never empty: all have a source. Nor is the text.
    """
    if own is None:
        return f"{name}{_together(labels)}{number(value)}\n"
    before, after = around(name, own[0], labels)
    return f"{before}{own_text(own[1])}{after}{number(value)}\n"


@lru_cache(maxsize=_LABEL_SETS)
def around(name: str, own: str, labels: Labels) -> tuple[str, str]:
    """Return the line of a sample up to the text of the label `own`, and from there to its number.

    Whatever text `labels` have for it makes no difference.
    """
    texts = {each: f'{each}="{_escape(text)}"' for each, text in labels if each != own}
    before = "".join(f"{text}," for each, text in texts.items() if each < own)
    after = "".join(f",{text}" for each, text in texts.items() if each > own)
    return f'{name}{{{before}{own}="', f'"{after}}} '


def own_text(text: str) -> str:
    """Return a text, never empty, as the value of a label that each sample has for itself."""
    # An id is digits: nothing to mend, nothing to escape.
    return text if text.isalnum() and len(text) <= LONGEST_VALUE else _escape(label_value(text))


def number(value: float) -> str:
    """Return a number as the library writes it, from a million on as Go does; whole seconds in a third of its time."""
    if 0 <= value < _GO_EXPONENTS_FROM:
        return repr(float(value))
    if not 0 <= value <= _WHOLE_TO or value != (whole := int(value)):
        return str(floatToGoString(value))
    digits = str(whole)
    return f"{digits[0]}.{digits[1:]}".rstrip("0.") + _EXPONENTS[len(digits)]


def with_exemplar(line: str, exemplar: Exemplar | None) -> str:
    """Return the line with the exemplar behind it, where there is one, as OpenMetrics has it."""
    if exemplar is None:
        return line
    labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sorted(exemplar.labels.items()))
    return f"{line[:-1]} # {{{labels}}} {number(exemplar.value)} {exemplar.timestamp}\n"


@lru_cache(maxsize=_LABEL_SETS)
def _together(labels: Labels) -> str:
    """Return what stands between a sample's name and its number."""
    texts = ",".join(f'{name}="{_escape(text)}"' for name, text in labels)
    return f"{{{texts}}} "


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
