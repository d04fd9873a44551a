"""Reloads of a real process: good and bad ones, sources that come and go, buckets that change."""

from pathlib import Path

import yaml

from tests.e2e.bad_days import Clothes, Deployment, expect_right, own, running, watch_for, write_config
from tests.e2e.harness import ExporterProcess, differences, flow_samples, wait_until
from tests.e2e.reloading import LIFECYCLE, Config, change, post, reload_by_signal, reloads, watched

SUCCESSFUL = ("bkmonitor_flow_exporter_config_last_reload_successful", frozenset[tuple[str, str]]())
LOADED_AT = ("bkmonitor_flow_exporter_config_last_reload_success_timestamp_seconds", frozenset[tuple[str, str]]())


def test_without_leave_nobody_reloads_over_http(tmp_path: Path) -> None:
    """POST /-/reload is refused with 403 and says what would allow it; SIGHUP works all the same."""
    prod = Deployment("prod", Clothes.ESB)
    with running([prod]):
        config = write_config(tmp_path, [prod.source()])
        with ExporterProcess(config) as exporter:
            refused = post(exporter)
            assert (refused.status_code, "--web.enable-lifecycle" in refused.text) == (403, True)
            assert reloads(exporter) == 0

            reload_by_signal(exporter)

            assert exporter.samples()[SUCCESSFUL] == 1
            assert exporter.stop() == 0


def test_a_good_config_is_in_force_at_once(tmp_path: Path) -> None:
    """What the answer promises, /config shows; the time of the load moves, and no total does."""
    with watched(tmp_path, "prod") as (exporter, deployments, config):
        before = exporter.samples()
        change(config, lambda document: document["poll"].update(acked_interval=77))

        assert (post(exporter).status_code, exporter.get("/-/reload").status_code) == (200, 405)

        assert yaml.safe_load(exporter.get("/config").text)["poll"]["acked_interval"] == 77
        wait_until(lambda: exporter.samples()[LOADED_AT] > before[LOADED_AT], within=5)
        after = exporter.samples()
        assert (after[SUCCESSFUL], after[LOADED_AT] > before[LOADED_AT]) == (1, True)
        assert differences(flow_samples(after), flow_samples(before)) == {}
        deployments[0].become_evening()
        expect_right(exporter, deployments)


def test_a_bad_config_changes_nothing_and_tells_every_fault(tmp_path: Path) -> None:
    """It is answered with 500 and logged, with all that is wrong; the one before stays in force and goes on."""
    with watched(tmp_path, "prod") as (exporter, deployments, config):
        good, in_force, before = config.read_text(), exporter.get("/config").text, exporter.samples()[LOADED_AT]

        def spoil(document: Config) -> None:
            document["poll"]["interval"] = "ten"
            document["sources"][0]["timeout"] = -1
            document["sources"][0]["auth"]["token"] = ["hush-hush-1234"]

        change(config, spoil)
        answer = post(exporter)
        reload_by_signal(exporter)

        assert answer.status_code == 500
        log = "".join(exporter.log)
        for key in ("poll.interval", "sources[0].timeout", "sources[0].auth.token"):
            assert key in answer.text
            assert log.count(f" {key}: ") == 2
        assert "hush-hush-1234" not in answer.text + log
        assert exporter.get("/config").text == in_force
        wait_until(lambda: exporter.samples()[SUCCESSFUL] == 0, within=5)
        assert (exporter.samples()[SUCCESSFUL], exporter.samples()[LOADED_AT]) == (0, before)
        deployments[0].become_evening()
        expect_right(exporter, deployments)
        config.write_text(good)
        assert post(exporter).status_code == 200
        wait_until(lambda: exporter.samples()[SUCCESSFUL] == 1, within=5)
        assert exporter.samples()[SUCCESSFUL] == 1


def test_another_ledger_needs_a_restart(tmp_path: Path) -> None:
    """What cannot change while running is refused by its key, and nothing else of that config comes into force."""
    with watched(tmp_path, "prod") as (exporter, _, config):
        in_force = exporter.get("/config").text
        change(config, lambda document: document["ledger"].update(url=f"sqlite:///{tmp_path}/other.db"))
        change(config, lambda document: document["poll"].update(acked_interval=77))

        answer = post(exporter)

        assert (answer.status_code, "ledger.url" in answer.text, "needs a restart" in answer.text) == (500, True, True)
        assert exporter.get("/config").text == in_force
        assert not (tmp_path / "other.db").exists()


def test_a_removed_source_ends_and_may_come_back(tmp_path: Path) -> None:
    """Nothing is asked of it or told of it any more; the other one does not notice; what it had counted comes back."""
    with watched(tmp_path, "prod", "test") as (exporter, (prod, test), config):
        both, total = config.read_text(), exporter.samples()
        change(config, lambda document: document["sources"].pop())
        assert post(exporter).status_code == 200
        wait_until(lambda: not any(("source", "test") in pairs for _, pairs in exporter.samples()), within=5)
        assert [name for name, pairs in exporter.samples() if ("source", "test") in pairs] == []
        asked = test.asked()
        prod.become_evening()
        test.become_evening()
        expect_right(exporter, [prod])
        assert test.asked() == asked

        config.write_text(both)
        assert post(exporter).status_code == 200

        expect_right(exporter, [prod, test])
        gone = {key for key in total if key[0].endswith("_total")} - exporter.samples().keys()
        assert gone == set()


def test_changed_buckets_restart_their_histogram_only(tmp_path: Path) -> None:
    """It starts anew, which the log says once; every other total stays, and what comes is counted in the new ones."""
    with watched(tmp_path, "prod") as (exporter, (prod,), config):
        prod.become_evening()
        expect_right(exporter, [prod])
        before = flow_samples(exporter.samples())
        change(config, lambda document: document["histograms"].update(time_to_ack=[5, 50, 500]))

        assert post(exporter).status_code == 200

        wait_until(lambda: flow_samples(exporter.samples()) != before, within=5)
        lost = {name for name, _ in before.keys() - flow_samples(exporter.samples()).keys()}
        assert lost == {f"bkmonitor_flow_time_to_ack_seconds_{part}" for part in ("bucket", "count", "sum")}
        assert (
            differences(flow_samples(exporter.samples()), {k: v for k, v in before.items() if k[0] not in lost}) == {}
        )
        assert [line.count("total=time_to_ack") for line in exporter.log if "histogram starts anew" in line] == [1]
        assert exporter.stop() == 0
    with ExporterProcess(config) as exporter:
        expect_same = {k: v for k, v in before.items() if k[0] not in lost}
        wait_until(lambda: not differences(flow_samples(exporter.samples()), expect_same), within=20)
        assert differences(flow_samples(exporter.samples()), expect_same) == {}
        assert not any("histogram starts anew" in line for line in exporter.log)


def test_a_changed_source_is_asked_in_the_new_way(tmp_path: Path) -> None:
    """Credentials that were wrong are put right by a reload, which does not wait for the end of the pause."""
    prod = Deployment("prod", Clothes.ESB)
    with running([prod]):
        config = write_config(tmp_path, [prod.source()])
        change(config, lambda document: document["sources"][0]["auth"].update(app_secret="of-yesterday"))
        with ExporterProcess(config, LIFECYCLE) as exporter:
            wait_until(lambda: own(exporter, "source_up", "prod") == 0 and prod.asked() > 0, within=20)
            assert flow_samples(exporter.samples()) == {}
            change(config, lambda document: document["sources"][0]["auth"].update(app_secret="not-a-secret"))

            assert post(exporter).status_code == 200

            expect_right(exporter, [prod], within=15)


def test_a_reload_asks_nothing_that_is_not_due(tmp_path: Path) -> None:
    """Alerts that stay watched keep their time, even where their source's watches change: no herd of first polls."""
    prod = Deployment("prod", Clothes.GATEWAY)
    with running([prod]):
        config = write_config(tmp_path, [prod.source()])
        change(config, lambda document: document["poll"].update(interval=300, acked_interval=300, refresh=600))
        change(config, lambda document: document["sources"][0].update(watch=[{"alerts": list(prod.alert_ids[:3])}]))
        with ExporterProcess(config, LIFECYCLE) as exporter:
            wait_until(lambda: prod.asked() == 3, within=20)
            for number in range(3):
                change(config, lambda document: document["sources"][0].update(timeout=2 + number))  # noqa: B023 - now
                assert post(exporter).status_code == 200
            change(config, lambda document: document["sources"][0]["watch"][0]["alerts"].append(prod.alert_ids[3]))
            assert post(exporter).status_code == 200
            wait_until(lambda: prod.asked() > 3, within=10)
            watch_for(1)

            assert [prod.asked_about(alert_id) for alert_id in prod.alert_ids] == [1, 1, 1, 1]
