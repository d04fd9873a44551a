"""What the dashboards share: variables, links, time range."""

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from exporter.dashboards.fitting import choices
from exporter.dashboards.links import BLUEKING
from exporter.dashboards.outlook import BUNDLED

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "bkmonitor-flow"
_PROCESS = "bkmonitor_flow_exporter_build_info"
_SOURCE = 'bkmonitor_flow_exporter_source_up{job=~"$job",instance=~"$instance"}'
_ALERTS = 'bkmonitor_flow_open_alerts{job=~"$job",instance=~"$instance",source=~"$source"}'
_WINDOWS = ("1h", "6h", "1d", "7d", "30d")


def page(uid: str, title: str, description: str, since: str) -> Dashboard:
    """Return a dashboard without panels, with what all have in common; `since` is how far back it looks at first."""
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(f"now-{since}", "now")
        .refresh("1m")
        .readonly()
        .link(
            DashboardLink("BlueKing alert flow")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_query("job", "Job", _PROCESS, all_value=".+"))
        .with_variable(
            _query("instance", "Instance", f'{_PROCESS}{{job=~"$job"}}', all_value=".+").description(
                "Exporters that watch the same alerts each count them: choose one of them. Leave it at All where they"
                " share a ledger."
            )
        )
        .with_variable(_query("source", "Source", _SOURCE, all_value=".+"))
    )


def alert_page(uid: str, title: str, description: str, since: str) -> Dashboard:
    """Return a dashboard on alerts without panels: one that can be narrowed down by their labels."""
    new = page(uid, title, description, since).link(
        DashboardLink("BlueKing Monitor")
        .type(DashboardLinkType.LINK)
        .url(BLUEKING)
        .icon("external link")
        .target_blank(True)
    )
    for label in BUNDLED.labels:
        new.with_variable(_query(label, label, _ALERTS, all_value=".*"))
    window = "What a point of a rolling line looks back on; the more, the steadier it is, and the later it tells."
    return (
        new.with_variable(
            _custom("by", "Group by", BUNDLED.by, "The label by which panels tell alerts apart.", BUNDLED.by[0])
        )
        .with_variable(_custom("window", "Rolling window", _WINDOWS, window, "1d"))
        .with_variable(
            TextBoxVariable("bkmonitor")
            .label("BlueKing address")
            .default_value("https://bkmonitor.example.com")
            .current(VariableOption(text="https://bkmonitor.example.com", value="https://bkmonitor.example.com"))
            .description("Where links to alerts lead. `dashboards --config.file` puts `web.alert_url` in its place.")
        )
    )


def _query(name: str, label: str, series: str, *, all_value: str) -> QueryVariable:
    """Return a variable with the values of the label `name` of `series`; `all_value` is a pattern for all of them."""
    return (
        QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": f"label_values({series}, {name})", "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(all_value)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _custom(name: str, label: str, values: tuple[str, ...], description: str, chosen: str) -> CustomVariable:
    told = choices(values, chosen)
    return (
        CustomVariable(name)
        .label(label)
        .description(description)
        .values(told["query"])
        .options([VariableOption(**option) for option in told["options"]])
        .current(VariableOption(**told["current"]))
    )
