"""What `python -m dlbridge matrix` and `python -m dlbridge doctor` run."""
