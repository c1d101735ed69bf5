"""The speed table: Tiffin beside its baselines, started, loaded and measured in one run (`python -m benchmarks`)."""
