"""The outcome of a build or a verification, and its text, JSON and HTML forms."""

from edgepack.report.model import ArtifactResult, Report, RouteFailure, describe_host, worst_over_cases

__all__ = ["ArtifactResult", "Report", "RouteFailure", "describe_host", "worst_over_cases"]
