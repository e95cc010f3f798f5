"""`make fuzz`: many thousand requests made up from the OpenAPI document, against a whole system."""

import argparse
import secrets
import sys
from time import monotonic

from tests.e2e.system import new_system
from tests.e2e.verification import verify
from tests.fuzz.run import run_schemathesis

_EXAMPLES = "300"
"""For each operation in one run. More come in another run, with another seed."""


def main() -> int:
    """Send requests until there were enough; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="at least so many requests")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="to make up the same ones again")
    arguments = parser.parse_args()
    cases, seed, began = 0, arguments.seed, monotonic()
    with new_system() as system:
        system.start()
        while cases < arguments.cases:
            options = (f"--seed={seed}", "-n", _EXAMPLES, "--generation-database=none")
            verdict = run_schemathesis(system.url("gateway"), system.directory, *options)
            if not verdict.is_clean:
                sys.stdout.write(f"{verdict.report}\nmake fuzz SEED={seed}\n")
                return 1
            cases += verdict.cases
            sys.stdout.write(f"seed {seed}: {cases} cases in {monotonic() - began:.0f} s, nothing found\n")
            sys.stdout.flush()
            seed += 1
        code, verdict_of_onhand = verify(system)
    broken = [check for check in verdict_of_onhand["checks"] if check["violations"]]
    sys.stdout.write(f"onhand verify: exit code {code}\n" + "".join(f"{check}\n" for check in broken))
    return code


if __name__ == "__main__":
    sys.exit(main())
