"""A day of jobs against an autoscaler: `python bench/autoscale --help`.

Simulated, in the day's own time: instants and durations are floats of seconds since its start, and their
names say so where it matters.
"""
