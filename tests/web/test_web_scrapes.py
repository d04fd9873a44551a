"""What a scrape asks for by its headers, against what werkzeug reads in them."""

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Accept, MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.test import Client

from exporter.web import Scrapes
from tests.metrics.moments import make_moment
from tests.web.site import publisher_of

OPENMETRICS, TEXT = "application/openmetrics-text", "text/plain"
QUALITIES = st.sampled_from(
    ["", ";q=0", ";q=0.0", "; q=0.3", ";q=0.5", ";Q=0.7", ";q=1", ";q=1.0", ";q=2", ";q=x", ";q=-1"]
)
SPACES = st.sampled_from(["", " "])


def lists(names: list[str]) -> st.SearchStrategy[str]:
    """Return a strategy for headers that list some of these names, each with a quality or without."""
    element = st.builds(
        lambda before, name, quality: before + name + quality, SPACES, st.sampled_from(names), QUALITIES
    )
    return st.lists(element, max_size=5).map(",".join)


MEDIA_TYPES = lists(
    [
        OPENMETRICS,
        f"{OPENMETRICS};version=1.0.0",
        OPENMETRICS.upper(),
        TEXT,
        f"{TEXT};version=0.0.4",
        "text/*",
        "*/*",
        "",
    ]
)
CODINGS = lists(["gzip", "GZIP", "deflate", "identity", "*", ""])
CLIENT = Client(Scrapes(publisher_of(make_moment())))


def quality(accepted: MIMEAccept, name: str) -> float:
    """Return the highest quality with which a media type is named, whatever its parameters."""
    return max((quality for told, quality in accepted if told.partition(";")[0].lower() == name), default=0.0)


@given(MEDIA_TYPES, CODINGS)
def test_headers_say_what_werkzeug_reads_in_them(media_types: str, codings: str) -> None:
    """OpenMetrics is named, and not less wanted than text; gzip is taken."""
    accepted = parse_accept_header(media_types, MIMEAccept)
    is_openmetrics = quality(accepted, OPENMETRICS) >= max(quality(accepted, TEXT), 1e-9)
    is_gzipped = parse_accept_header(codings, Accept)["gzip"] > 0

    answer = CLIENT.get("/metrics", headers={"Accept": media_types, "Accept-Encoding": codings})

    assert (answer.mimetype, answer.content_encoding) == (
        OPENMETRICS if is_openmetrics else TEXT,
        "gzip" if is_gzipped else None,
    )
