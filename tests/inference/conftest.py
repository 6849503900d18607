import pytest


@pytest.fixture(autouse=True)
def exact_numbers(double_precision):
    """Double precision throughout."""
