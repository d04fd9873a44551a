"""The domain: flow records, what we know of an alert, how a read of its log changes that. Pure: no clock, no I/O."""
