"""Where an alert is to be looked at: its page here, and BlueKing's own."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from exporter.flow.known import KnownAlert


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the links of alerts. `page_of` takes a source and an id; `alert_url` is the config's, None for no links."""

    page_of: Callable[[str, str], str]
    alert_url: str | None

    def page(self, known: KnownAlert) -> str:
        """Return the path of the alert's page."""
        return self.page_of(known.source, known.alert_id)

    def blueking(self, known: KnownAlert) -> str | None:
        """Return BlueKing's page of the alert, None where the config tells no `web.alert_url`."""
        if self.alert_url is None:
            return None
        fields = {**dict(known.labels), "alert_id": known.alert_id}
        # An alert has the labels of the day it was first seen: a name that the config got since is empty.
        quoted = {name: quote(value, safe="") for name, value in fields.items()}
        return self.alert_url.format_map(defaultdict(str, quoted))
