"""The marker of the kinds that are not run with all tests."""


def pytest_configure(config):
    config.addinivalue_line("markers", "zoo: kinds of the zoo that run nightly, by make test-zoo")
