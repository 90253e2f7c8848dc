"""The company of the workflow tests, for the tests of histories."""

from tests.workflows.conftest import company

__all__ = ["company"]
