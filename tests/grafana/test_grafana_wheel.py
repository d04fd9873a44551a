"""The dashboards are part of what is installed."""

import subprocess
import sys
import zipfile
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_an_installed_exporter_has_the_dashboards(tmp_path: Path) -> None:
    """A wheel's `dashboards` writes what is committed, far from any checkout; the code that builds them stays here."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = "import exporter; from exporter.cli import main; print(exporter.__file__, flush=True); main()"
    command = [sys.executable, "-c", code, "dashboards", f"--output={tmp_path}/new"]

    run = subprocess.run(command, cwd=tmp_path / "installed", check=True, capture_output=True, text=True)

    assert run.stdout.startswith(str(tmp_path / "installed"))
    committed = {path.name: path.read_bytes() for path in (TOP / "grafana" / "dashboards").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == committed
    assert not (tmp_path / "installed" / "grafana").exists()
