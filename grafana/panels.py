"""The kinds of panels: each is made from what it shows, so that all of a kind look alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    ScaleDistributionConfig,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.heatmap import HeatmapColorOptions, YAxisConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    ScaleDistribution,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.variables import DATASOURCE

ALERT_COLUMNS = {
    "alert_id": "Alert",
    "alert_name": "Name",
    "strategy_name": "Strategy",
    "severity": "Severity",
    "team": "Team",
    "bk_biz_id": "Business",
    "source": "Source",
}
"""What a table calls the labels of an alert, in the order of its columns."""
BAR = "5m"
"""The least time that a bar stands for; far longer than a scrape interval, so that each event is in one bar."""

Steps = Sequence[tuple[float | None, str]]
NEUTRAL: Steps = ((None, "blue"),)


Asking = TypeVar("Asking", stat.Panel, bargauge.Panel, timeseries.Panel, heatmap.Panel)


class _Panel(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def unit(self, unit: str) -> Self: ...


Dressed = TypeVar("Dressed", bound=_Panel)


def instant(expr: str, legend: str = "", ref: str = "A") -> Dataquery:
    """Return a query for the end of the range shown."""
    return Dataquery().expr(expr).instant().legend_format(legend).ref_id(ref)


def over_time(expr: str, legend: str = "", ref: str = "A") -> Dataquery:
    """Return a query for each step of the range shown."""
    return Dataquery().expr(expr).range().legend_format(legend).ref_id(ref)


@dataclass(frozen=True, slots=True)
class Figure:
    """A panel with big numbers, one for each series, each with its name where that is a label's."""

    title: str
    query: Dataquery
    told: str
    empty: str
    unit: str = "none"
    steps: Steps = NEUTRAL

    def panel(self, *others: Dataquery, size: tuple[int, int]) -> stat.Panel:
        """Return the panel; `others` are further queries."""
        queries = (self.query, *others)
        named = any("{{" in str(query.build().legend_format) for query in queries)
        panel = (
            _dressed(stat.Panel(), self.title, self.told, self.empty, self.unit, size)
            .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
            .graph_mode(BigValueGraphMode.NONE)
            .color_mode(BigValueColorMode.VALUE)
            .text_mode(BigValueTextMode.VALUE_AND_NAME if named else BigValueTextMode.AUTO)
            .orientation(VizOrientation.AUTO)
            .thresholds(thresholds(self.steps))
        )
        return _asking(panel, queries)


def overview(board: Dashboard, *figures: Figure) -> None:
    """Put figures side by side over the whole width of a dashboard."""
    for figure in figures:
        board.with_panel(figure.panel(size=(24 // len(figures), 4)))


def bars_beside(
    title: str, queries: Iterable[Dataquery], *, told: str, empty: str, unit: str, size: tuple[int, int], steps: Steps
) -> bargauge.Panel:
    """Return bars lying beside their names, from 0 to 1."""
    panel = (
        _dressed(bargauge.Panel(), title, told, empty, unit, size)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .min(0)
        .max(1)
        .decimals(1)
        .thresholds(thresholds(steps))
    )
    return _asking(panel, queries)


def lines(
    title: str, queries: Iterable[Dataquery], *, told: str, empty: str, unit: str, size: tuple[int, int]
) -> timeseries.Panel:
    """Return lines over time."""
    panel = (
        _time_panel(title, told, empty, unit, size)
        .draw_style(GraphDrawStyle.LINE)
        .line_interpolation(LineInterpolation.LINEAR)
        .line_width(2)
        .fill_opacity(8)
        .show_points(VisibilityMode.NEVER)
    )
    return _asking(panel, queries)


def bars(
    title: str, queries: Iterable[Dataquery], *, told: str, empty: str, unit: str, size: tuple[int, int]
) -> timeseries.Panel:
    """Return counts over time as bars upon each other, each bar with the events since the one before."""
    panel = (
        _time_panel(title, told, empty, unit, size)
        .draw_style(GraphDrawStyle.BARS)
        .line_width(0)
        .fill_opacity(85)
        .stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
        .decimals(0)
        .interval(BAR)
        .max_data_points(120)
    )
    return _asking(panel, queries)


def buckets(title: str, query: Dataquery, *, told: str, empty: str, size: tuple[int, int]) -> heatmap.Panel:
    """Return a histogram in seconds over time, with its exemplars."""
    panel = (
        _dressed(heatmap.Panel(), title, told, empty, "s", size)
        .calculate(False)
        .color(HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(32).exponent(0.5))
        .y_axis(YAxisConfig().unit("s"))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .exemplars_color("rgba(95, 175, 255, 0.9)")
        .scale_distribution(ScaleDistributionConfig().type(ScaleDistribution.LINEAR))
        .cell_gap(1)
        .show_legend()
        .interval(BAR)
        .max_data_points(96)
    )
    return _asking(panel, [query.format(PromQueryFormat.HEATMAP).exemplar(True)])


def rows(
    title: str,
    queries: Iterable[Dataquery],
    *,
    told: str,
    empty: str,
    unit: str,
    size: tuple[int, int],
    names: dict[str, str],
    sort: str = "",
) -> table.Panel:
    """Return a table with a row for each series; `names` are what columns are called, in their order."""
    panel = _dressed(table.Panel(), title, told, empty, unit, size).filterable(True)
    for query in queries:
        panel.with_target(query.format(PromQueryFormat.TABLE))
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    arranged = {
        "excludeByName": {"Time": True},
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": {name: shown for name, shown in names.items() if name != shown},
    }
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=arranged))
    return panel.sort_by([TableSortByFieldState().display_name(sort).desc(True)]) if sort else panel


def column(panel: table.Panel, name: str, **properties: object) -> table.Panel:
    """Return the table with a column drawn otherwise; two underscores stand for the dot in a property's name."""
    values = [DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in properties.items()]
    return panel.override_by_name(name, values)


def link(title: str, url: str) -> list[dict[str, object]]:
    """Return the value of the property `links`."""
    return [{"title": title, "url": url, "targetBlank": True}]


def thresholds(steps: Steps) -> ThresholdsConfig:
    """Return thresholds: from which value on there is which colour."""
    told = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(told)


def dashed(panel: timeseries.Panel, pattern: str, colour: str = "red") -> timeseries.Panel:
    """Return the panel with the lines whose names match `pattern` dashed, as limits are drawn."""
    look: dict[str, Any] = {
        "custom.lineStyle": {"fill": "dash", "dash": [8, 8]},
        "custom.fillOpacity": 0,
        "custom.lineWidth": 1,
        "color": {"mode": "fixed", "fixedColor": colour},
    }
    return panel.override_by_regexp(
        pattern, [DynamicConfigValue(id_val=key, value=value) for key, value in look.items()]
    )


def coloured(panel: timeseries.Panel, colours: dict[str, str]) -> timeseries.Panel:
    """Return the panel with fixed colours for the series of these names."""
    for name, colour in colours.items():
        panel.override_by_name(
            name, [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})]
        )
    return panel


def _time_panel(title: str, told: str, empty: str, unit: str, size: tuple[int, int]) -> timeseries.Panel:
    return (
        _dressed(timeseries.Panel(), title, told, empty, unit, size)
        .min(0)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(
            VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )


def _dressed(panel: Dressed, title: str, told: str, empty: str, unit: str, size: tuple[int, int]) -> Dressed:
    """Return a panel with what none may lack; `told` says what it shows, `empty` why it may show nothing."""
    width, height = size
    return (
        panel.title(title)
        .description(told)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .no_value(empty)
        .unit(unit)
    )


def _asking(panel: Asking, queries: Iterable[Dataquery]) -> Asking:
    for query in queries:
        panel.with_target(query)
    return panel
