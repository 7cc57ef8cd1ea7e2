"""Comparing with features that the authors' release extracted."""
