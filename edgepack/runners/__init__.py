"""Runners: where artifacts are executed, and what they compute there is judged."""
