"""What dashboards are made for: the labels by which alerts are told apart, the ack targets, the page of an alert."""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.config import AckTargetSettings, Settings, SourceSettings, load_watch_file, matching_files
from exporter.rules.targets import Target, ordered_targets

_VARIABLES = frozenset({"datasource", "by", "window", "bkmonitor"})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is not the same for every config.

    `labels` are those of alerts beside `source`; `alert_url` is a template as `web.alert_url`, None where the reader
    of a dashboard is to say where BlueKing is.
    """

    labels: tuple[str, ...]
    targets: tuple[Target, ...]
    alert_url: str | None = None

    @property
    def by(self) -> tuple[str, ...]:
        """The labels to group by, the most telling first: those that somebody gave to a watch, then fields."""
        return (*reversed(self.labels), "source")


BUNDLED = Outlook(
    ("bk_biz_id", "severity", "team"),
    tuple(
        ordered_targets(
            [
                AckTargetSettings(match={"severity": "fatal"}, within=300, objective=0.99),
                AckTargetSettings(match={"severity": "warning"}, within=1800, objective=0.95),
            ]
        )
    ),
)
"""What the bundled dashboards are made for: the default labels, a watch's label `team`, the example's targets."""


def outlook_of(settings: Settings) -> Outlook:
    """Return the outlook of a config; watch files give the labels that they name now.

    A label that has the name of another variable of the dashboards is left out.
    """
    watched = (name for source in settings.sources for name in _watch_labels(source, settings.label_names))
    labels = tuple(dict.fromkeys((*settings.label_names, *watched)))
    labels = tuple(name for name in labels if name not in _VARIABLES)
    return Outlook(labels, tuple(ordered_targets(settings.ack_targets)), settings.web.alert_url)


def _watch_labels(source: SourceSettings, reserved: tuple[str, ...]) -> Iterator[str]:
    for watch in source.watch:
        yield from watch.labels
        for path in matching_files(watch.files):
            for group in load_watch_file(path, reserved):
                yield from group.labels
