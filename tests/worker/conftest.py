"""The company of the workflow tests, for tests of the worker's own parts."""

from tests.workflows.conftest import company

__all__ = ["company"]
