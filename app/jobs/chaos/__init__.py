"""The chaos proof: a load of jobs, kills at random instants, and a witness that tells what came of it.

Knows the platform from outside: its API, its processes, its ledger's counts. Nothing is imported
here, for workers load the tasks of this package and need nothing else of it.
"""
