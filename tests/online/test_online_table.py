"""The table: how checks look in a terminal, and without one."""

import click

from exporter.online import Check, Verdict, table

CHECKS = (
    Check("prod", "reach", Verdict.OK, "bk.test:443 answers"),
    Check("prod", "get_event_log", Verdict.NOT_CHECKED, "there is no alert to ask about", ("wait", "or list one")),
    Check("prod", "clock", Verdict.FAILED, "behind", ("set it",)),
)
PLAIN = """\
  reach          ok           bk.test:443 answers
  get_event_log  not checked  there is no alert to ask about
                              wait
                              or list one
  clock          failed       behind
                              set it\
"""


def test_columns_are_aligned_and_advice_stands_beneath() -> None:
    """One line for each check, and one for each advice under what was found."""
    assert click.unstyle("\n".join(table(CHECKS))) == PLAIN


def test_only_the_verdict_is_coloured() -> None:
    """Each verdict has a colour of its own; the words around it have none."""
    lines = list(table(CHECKS))

    assert lines[0] == f"  reach          {click.style('ok         ', fg='green')}  bk.test:443 answers"
    assert click.style("failed     ", fg="red") in lines[4]
