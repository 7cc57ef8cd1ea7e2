"""Benchmarks: ratios side by side in one run, each with the test elsewhere that its numbers stay the same."""
