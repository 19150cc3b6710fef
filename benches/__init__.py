"""`make bench`: dlbridge beside the others, in ratios. benches/jobs.py says what is measured."""
