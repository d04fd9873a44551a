"""Benchmarks: each compares two ways of doing the same work in one run; the ratio is what counts.

`make bench` runs all of them, each in a process of its own, and writes docs/benchmarks.md; `make bench BENCH=scrape`
runs one and only prints. What a benchmark returns stands in `bench/timing.py`; a new one is a module with

    def run() -> Comparison:  # or Iterable[Comparison]
        return Comparison(
            "what is done: ours / the other way",
            Quantity(1234.5, "polls/s"),  # ours; units `s` and `bytes` are scaled for the reader
            Quantity(1300.0, "polls/s"),  # the other, in the same unit
            at_least(0.9),  # or at_most(1.2), or left out where nothing is asked; of ours / other
            notes=("A sentence that stands below the table.",),
        )

and a row in `BENCHMARKS` of `bench/__main__.py`. `compare(name, ours, other, asked=...)` times two callables.
"""
