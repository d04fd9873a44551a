"""Links from a dashboard to BlueKing, as Grafana fills them in."""

from string import Formatter
from urllib.parse import urlsplit

BLUEKING = "${bkmonitor:raw}"
"""The address of BlueKing Monitor, as the reader of a dashboard gives it."""
BUNDLED_ALERT = f"{BLUEKING}/?bizId=${{__data.fields.bk_biz_id}}#/event-center/detail/${{__data.fields.alert_id}}"


def alert_link(alert_url: str | None) -> str:
    """Return the address of the alert in a row of a table, for a template as `web.alert_url`."""
    if alert_url is None:
        return BUNDLED_ALERT
    parts = Formatter().parse(alert_url)
    return "".join(text + ("" if name is None else f"${{__data.fields.{name}}}") for text, name, _, _ in parts)


def home(alert_url: str | None) -> str | None:
    """Return the address of BlueKing itself; None where it is another one for each alert."""
    if alert_url is None:
        return BLUEKING
    address = "{0.scheme}://{0.netloc}/".format(urlsplit(alert_url))
    return None if "{" in address else address
