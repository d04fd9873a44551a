"""Each harness on its corpus, and on inputs made from it: what `make fuzz` does for hours, in seconds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import lives
from tests.fuzz.answers import DIVIDER, story_of
from tests.fuzz.blind import fuzz_blindly
from tests.fuzz.edits import EDITS, edited
from tests.fuzz.harnesses import CORPUS, HARNESSES, corpus

_LARGEST = 40_000  # bytes of a file of the corpus
_FEWER = {"texts": 40, "config": 60, "requests": 100}  # examples, where each renders pages or reads many keys
_EXAMPLES = 200

TIMES = st.sampled_from(["2023-11-15 06:13:20", "2023-11-15 06:14:20", "2023-11-15T06:20:00Z", "1970-01-01 00:00:00"])
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "operate": st.sampled_from(["CREATE", "ACK", "CONVERGE", "ACTION", "RECOVER", "CLOSE", "NEW"]) | ODD,
        "status": st.sampled_from(["SUCCESS", "FAILED"]) | ODD,
        "create_time": TIMES | st.integers(1_600_000_000, 1_700_090_000) | ODD,
        "extend_info": st.fixed_dictionaries({"anomaly_count": ODD}) | ODD,
    },
)
ALERTS = st.fixed_dictionaries(
    {"id": st.just("170000000000042")},
    optional={
        "status": st.sampled_from(["ABNORMAL", "RECOVERED", "CLOSED"]) | ODD,
        "is_ack": ODD,
        "is_shielded": ODD,
        "create_time": st.integers(1_699_990_000, 1_700_000_000) | ODD,
        "end_time": st.integers(1_700_000_000, 1_700_001_000) | ODD,
        "severity": ODD,
    },
)
LOGS = st.lists(ROWS | ODD, max_size=8).map(lambda rows: ("L", rows))
PAGES = st.lists(ALERTS | ODD, max_size=3).map(lambda alerts: ("S", {"alerts": alerts, "total": len(alerts)}))


def test_each_harness_has_a_corpus_of_small_files() -> None:
    """There is a folder for each, and no other; what is found is cut down before it is kept."""
    assert {path.name for path in CORPUS.iterdir()} == set(HARNESSES)
    for name in HARNESSES:
        sizes = {path.name: path.stat().st_size for path in corpus(name)}
        assert sizes
        assert {file for file, size in sizes.items() if size > _LARGEST} == set()


@pytest.mark.parametrize("path", [path for name in HARNESSES for path in corpus(name)], ids=lambda p: p.parent.name)
def test_the_corpus_passes(path: Path) -> None:
    """Every input that ever broke something, and one of each kind."""
    HARNESSES[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", HARNESSES)
def test_edited_inputs_pass(name: str) -> None:
    """Whatever is cut out of an input of the corpus or put into it, nothing but our own errors comes of it."""
    small = [path.read_bytes() for path in corpus(name) if path.stat().st_size < 5000]

    @settings(
        max_examples=_FEWER.get(name, _EXAMPLES),
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs=st.sampled_from(small), edits=EDITS)
    def check(inputs: bytes, edits: list[tuple[float, int, bytes]]) -> None:
        HARNESSES[name](edited(inputs, edits))

    check()


@settings(max_examples=_EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(answers=st.lists(LOGS | PAGES, min_size=1, max_size=5), form=st.sampled_from("JZ"), has_target=st.booleans())
def test_answers_of_any_values_pass(answers: list[tuple[str, object]], form: str, has_target: bool) -> None:
    """Rows and alerts with values of any kind, asked for in any order, over a socket."""
    bodies = [
        f"{endpoint}{form}".encode() + json.dumps({"result": True, "data": data}).encode() for endpoint, data in answers
    ]

    HARNESSES["answers"](DIVIDER.join(bodies) + b"\n" * has_target)


def test_the_harness_of_answers_reads_what_it_is_given() -> None:
    """The life in its corpus comes to what one counts by hand: what checks nothing would pass as well."""
    story = story_of((CORPUS / "answers" / "life").read_bytes())

    assert story.counted == {"CREATE": 1, "CONVERGE": 2, "ACK": 1, "RECOVER": 1}
    assert {total.value for total, times in story.told_once.items() if times} == {
        "time_to_ack",
        "time_to_end",
        "alerts_ended",
        "ack_deadlines",
    }


def test_the_harness_of_lives_tells_a_wrong_total() -> None:
    """Looks that miss what happened last, or a life that had one row more, come to something else."""
    life = lives.life_of(b"\x83\x02\x02\x01\x01\x05")

    assert lives.told(life, []) == lives.by_hand(life)
    assert lives.told(replace(life, rows=life.rows[:-1]), []) != lives.by_hand(life)


def test_what_is_found_blindly_is_kept(tmp_path: Path) -> None:
    """The input that did not pass lies in the corpus, from where `make test` tries it again."""
    (tmp_path / "seed").write_bytes(b"0123456789")

    def harness(inputs: bytes) -> None:
        assert inputs.startswith(b"0"), inputs

    with pytest.raises(AssertionError):
        fuzz_blindly(harness, tmp_path, seconds=60, seed=1)

    (found,) = tmp_path.glob("found-*")
    assert not found.read_bytes().startswith(b"0")
