"""The commands, each in a module with what it needs; `exporter.cli` gathers them."""
