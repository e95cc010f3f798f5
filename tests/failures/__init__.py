"""The fault suite: breaks the running system while clients use it, and holds what they saw against what is on disk.

    make torture                                all scenarios, ten minutes
    make torture SECONDS=60 SCENARIO=kills SEED=42

One run of a scenario, as `runner.py` tells it: start a system of its own (`tests/e2e/system.py`), put load on it
(`load.py`, which writes a history: `history.py`), let the scenario break what it breaks, wait until everything runs
again, stop the load, wait until nothing is under way, let `checker.py` compare the history with both databases, and
ask `onhand verify`, too.

To add a scenario:

1. Write a function in a file of `scenarios/`, grouped by kind of fault. It gets a `Run` (`scenario.py`): the system,
   the load, a seeded `random`, and `rounds()`, which goes round at least once and until the scenario's time is over.
   Break something, count it in `run.figures`, undo it. Return when nothing is broken any more: healing is timed from
   there. Take every choice from `run.random`, so that a seed repeats the run. Clean up with `with`: Ctrl-C may come
   anywhere.
2. Its docstring is one sentence; it is printed. Raise `CannotRun` with the reason if this machine cannot do it: that is
   shown, as skipped.
3. Make it a `Scenario` at the end of the file, and add that to `SCENARIOS` in `scenarios/__init__.py`. A system that
   needs settings or servers of its own gets them by `settings` or `make_system`.

`test_scenarios.py` runs the short form of each (one or few rounds) in `make test`.
"""
