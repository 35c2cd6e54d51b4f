"""Rules of file paths inside volumes."""

from pinnace.api.validation.base import Report


def check_no_backsteps(report: Report, target: str, path: str) -> None:
    """Check that a path does not climb."""
    if ".." in target.split("/"):
        report.invalid(path, target, "must not contain '..'")


def check_descending_path(report: Report, target: str, path: str) -> None:
    """Check that a path is relative and does not climb."""
    if target.startswith("/"):
        report.invalid(path, target, "must be a relative path")
    check_no_backsteps(report, target, path)


def check_local_path(report: Report, target: str, path: str) -> None:
    """Check that a path is relative, does not climb and does not begin with two dots."""
    check_descending_path(report, target, path)
    if target.startswith("..") and not target.startswith("../"):
        report.invalid(path, target, "must not start with '..'")
