from suites import (  # noqa: F401 - the hooks
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_teststatus,
    pytest_runtest_call,
)
