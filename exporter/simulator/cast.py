# ruff: noqa: RUF001 - Chinese punctuation is what the server writes
"""The cast of the simulation: who is on call, which strategies raise alerts, and what the rows say."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on call, and the median of the seconds they take to acknowledge."""

    name: str
    median_ack: float
    remark: str | None


@dataclass(frozen=True, slots=True)
class Strategy:
    """What raises alerts of one kind; `id` and `name` are None where an alert comes from elsewhere."""

    id: int | None
    name: str | None
    alert_name: str
    team: str
    bk_biz_id: int | str
    category: str


PEOPLE = (
    Person("zhangwei", 120, "马上看"),
    Person("alice", 240, None),
    Person("lina", 420, "正在处理"),
    Person("admin", 600, "已联系业务方"),
    Person("omar", 900, None),
)

# Names that have broken label escaping elsewhere: quotes, backslashes, a line break, emoji, Chinese.
STRATEGIES = (
    Strategy(101, "payment latency", "支付延迟 p99 > 2s", "payments", 2, "application_check"),
    Strategy(102, "refund queue", 'queue "refunds\\retry" is full', "payments", 2, "services"),
    Strategy(103, "对账失败", "对账任务失败 🔥", "payments", 3, "application_check"),
    Strategy(None, None, "third-party: acquirer unreachable", "payments", "5000140", "services"),
    Strategy(201, "disk", '磁盘使用率 "过高" C:\\', "infra", 3, "os"),
    Strategy(202, "cpu load", "load5 / cores > 4", "infra", 3, "os"),
    Strategy(203, "pod restarts", "Pod 频繁重启 ⚠️", "infra", "5000140", "kubernetes"),
    Strategy(None, None, "自定义事件：主机失联", "infra", 2, "os"),
    Strategy(301, "search errors", "检索错误率 > 1%", "search", 2, "application_check"),
    Strategy(302, "index lag", "index lag\nbehind by 5 min", "search", "5000140", "services"),
    Strategy(303, "shard size", "分片大小 \\ shard size", "search", 3, "services"),
)

MESSAGES = {
    "CREATE": ("达到了触发告警条件（5周期内满足1次检测算法）", "The trigger condition was met"),
    "CONVERGE": ("数值异常", "The value is anomalous"),
    "EVENT_DROP": ("事件过多，已丢弃", "Too many events, dropped"),
    "ACTION": ("达到通知告警的执行条件【告警触发时】，已触发告警通知", "The notice was triggered"),
    "SEVERITY_UP": ("告警级别调整", "The severity was raised"),
    "DELAY_RECOVER": ("告警延迟恢复", "The recovery is delayed"),
    "ABORT_RECOVER": ("告警恢复中止，指标再次异常", "The recovery was aborted, the value is anomalous again"),
    "RECOVERING": ("告警恢复中，等待观察期结束", "Recovering, the observation period is running"),
    "RECOVER": ("连续 5 个周期不满足触发条件，告警已恢复", "5 periods without anomaly, the alert recovered"),
    "SYSTEM_RECOVER": ("系统恢复：策略无新数据，告警已恢复", "Recovered by the system"),
    "CLOSE": ("存在更高级别的告警，告警关闭", "An alert of higher severity exists, closed"),
    "SYSTEM_CLOSE": ("系统关闭：策略已停用", "Closed by the system"),
    "ALERT_QOS": ("告警流控，该告警被关闭", "Flow control closed the alert"),
}


def message(rng: Random, operate: str) -> str:
    """Return what a row of this operate says, in one of the languages."""
    return rng.choice(MESSAGES[operate])


def ack_message(person: Person) -> str:
    """Return the row's words when this person acknowledges; who did it stands nowhere else (api.md)."""
    if person.remark is None:
        return f"{person.name} Confirmed the alarm"
    return f"{person.name}确认了该告警事件并备注：,{person.remark}"
