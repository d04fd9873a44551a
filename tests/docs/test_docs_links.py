"""The documents lead to what there is."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")])


def anchors(document: Path) -> set[str]:
    """Return the names by which its headings can be linked to."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(TOP).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    """Each file that a document links to exists, and has the heading that is named."""
    found = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    local = [link.partition("#") for link in found if not re.match(r"\w+:", link)]
    targets = [(document.parent / path if path else document, anchor) for path, _, anchor in local]

    assert [str(target) for target, _ in targets if not target.exists()] == []
    assert [anchor for target, anchor in targets if anchor and anchor not in anchors(target)] == []
