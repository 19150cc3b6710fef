"""What has become slower fails: by its instructions where valgrind is, else by its time.

Instructions are those of the rows that need NumPy alone, and always the same. Of the others
the times are measured beside the peer's, so that other work on the machine reaches both, and
what is too slow is measured again before it counts. `make bench` writes down what is usual.
"""

import json

import pytest

from benches import instructions, jobs, processes, report

ROOM = 1.25
ATTEMPTS = 6
RATIOS = json.loads(report.RATIOS.read_text())
INSTRUCTIONS = instructions.recorded()
ROWS = {job.key: job for job in jobs.ALL if job.key in RATIOS or job.key in INSTRUCTIONS}


@pytest.fixture(scope="module")
def counted():
    """The instructions of the rows, and why there are none of others."""
    if reason := instructions.why_none():
        return {}, dict.fromkeys(INSTRUCTIONS, reason)
    return instructions.counted(ROWS[key] for key in INSTRUCTIONS)


@pytest.fixture(scope="module")
def timed(counted):
    """The ratios of the rows of which nothing is counted, and why there are none of others."""
    found = processes.measured([ROWS[key] for key in RATIOS if key not in counted[0]], 3)
    return {ratio.job.key: ratio.middle for ratio in found.ratios}, found.absent


def slower(key, ours, theirs):
    """How many times the usual instructions ours are.

    The lesser of two: another build of Python changes our count and not the ratio to the peer's,
    and a faster peer changes the ratio and not our count.
    """
    usual, usual_of_peer = INSTRUCTIONS[key]
    return min(ours / usual, (ours / theirs) / (usual / usual_of_peer))


def measure_again(key):
    [ratio] = processes.measured([ROWS[key]], 1).ratios
    return ratio.middle


@pytest.mark.parametrize("key", ROWS)
def test_row_is_no_slower(key, counted, timed):
    if key in counted[0]:
        times = slower(key, *counted[0][key])
        assert times <= ROOM, f"{counted[0][key]} instructions; usual: {INSTRUCTIONS[key]}"
    elif key in timed[0]:
        most = ROOM * RATIOS[key]
        found = [timed[0][key]]
        while found[-1] > most and len(found) < ATTEMPTS:
            found.append(measure_again(key))
        assert found[-1] <= most, f"ratios of times: {found}; usual: {RATIOS[key]}"
    else:
        reason = timed[1].get(key) or counted[1][key]
        pytest.skip(f"{key} was not run: {reason}")


def test_a_slower_row_is_found():
    key, (ours, theirs) = next(iter(INSTRUCTIONS.items()))
    assert slower(key, 1.3 * ours, theirs) == pytest.approx(1.3)
    assert slower(key, 1.3 * ours, 1.3 * theirs) == pytest.approx(1)  # another Python
    assert slower(key, ours, 0.7 * theirs) == pytest.approx(1)  # a faster peer


def test_what_is_written_down_is_measured():
    assert set(RATIOS) | set(INSTRUCTIONS) == set(ROWS)
