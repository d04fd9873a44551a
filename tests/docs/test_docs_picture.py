"""The picture of the architecture shows the house as it is."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
WIRING = {"commands", "service"}  # they build the rooms and are none on the way of the data


def test_the_picture_shows_every_room() -> None:
    """Each room of the exporter is drawn, and nothing that is gone."""
    rooms = {path.parent.name for path in (TOP / "exporter").glob("*/__init__.py")}
    picture = (TOP / "docs" / "architecture.svg").read_text()

    assert set(re.findall(r'class="(?:name|small) mono"[^>]*>(\w+)<', picture)) == rooms - WIRING
