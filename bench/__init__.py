"""Benchmarks: `python -m bench` measures the whole service, `python -m bench.media` the media plane alone."""
