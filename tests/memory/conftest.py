import failing_allocator
import pytest


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory):
    """What a process needs in its environment so that its allocations can fail."""
    library = failing_allocator.build(tmp_path_factory.mktemp("failing_allocator"))
    return failing_allocator.environment(library)
