"""Runs the steps of `infra/local/verify` and says which one failed, and why."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import deployed
import invoke
import lint
from stack import ROOT, Failed

FOLDER = ROOT / "target/verify"
LOGS = FOLDER / "logs"


def step(part, name, action):
    """Runs one step and prints how long it took. False if it failed; then the cause is printed."""
    started = time.monotonic()
    try:
        action()
    except Exception as error:  # whatever it is, it is told as the step's failure
        known = isinstance(error, (Failed, subprocess.CalledProcessError))
        print(f"FAILED ({part}) {name}\n  {error if known else repr(error)}\n  logs: {LOGS.relative_to(ROOT)}/", flush=True)
        if not known:
            raise
        return False
    print(f"ok     ({part}) {name}, {time.monotonic() - started:.1f} s", flush=True)
    return True


def run_invoke():
    with invoke.Loop(LOGS) as loop:
        return all(step("a", f"cargo lambda invoke {case.title}", lambda case=case: loop.check(case)) for case in invoke.cases())


def run_lint():
    return all(step("b", name, action) for name, action in lint.steps(LOGS))


def run_deployed():
    with deployed.Emulator(LOGS) as emulator:
        scenario = deployed.Scenario(emulator, ROOT / "target/debug/laurel")
        passed = all(step("c", method.__doc__, lambda method=method: method(scenario)) for method in deployed.STEPS)
        if not passed:
            print("  the functions last warned of:\n    " + "\n    ".join(scenario.complaints() or ["nothing"]))
    print("\n(d) " + deployed.NOT_COVERED)
    return passed


PARTS = {"a": run_invoke, "b": run_lint, "c": run_deployed}


def main():
    parser = argparse.ArgumentParser(prog="infra/local/verify", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help="a: invoke, b: lint, c: deployed; all if none is named")
    parts = parser.parse_args().parts
    LOGS.mkdir(parents=True, exist_ok=True)
    failed = []
    for part in parts:
        try:
            passed = PARTS[part]()
        except Failed as error:
            print(f"FAILED ({part}) {error}\n  logs: {LOGS.relative_to(ROOT)}/")
            passed = False
        failed += [] if passed else [part]
    print(f"verify: {'failed in ' + ', '.join(failed) if failed else 'all passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
