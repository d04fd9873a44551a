"""What makes the dashboards in this folder: `python -m grafana` writes them, `make dashboards` too."""
