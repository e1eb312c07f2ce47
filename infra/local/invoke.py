"""(a) The inner loop: `cargo lambda invoke` of every sample in events/, against `laurel serve`; answers and counts compared."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stack import ROOT, TOOLS, Emulator, Failed, expect, free_port, until

EVENTS = ROOT / "events"
ANSWERS = Path(__file__).with_name("answers.json")
# A function is built before; what is left is to start it and to answer.
PATIENCE_SECONDS = 90


@dataclass
class Case:
    """A sample, the function it is for, and what must come of it."""

    title: str
    function: str
    answer: object
    counts: dict


def cases():
    """Every sample, in the order of answers.json: the story's events first, since later ones build on them."""
    wanted = json.loads(ANSWERS.read_text())
    samples = [*EVENTS.glob("*.json"), *EVENTS.glob("functions/*.json")]
    there = {str(path.relative_to(EVENTS)).removesuffix(".json") for path in samples}
    told = {case["sample"] for case in wanted}
    if there != told:
        raise Failed(f"events/ and {ANSWERS.name} differ in {', '.join(sorted(there ^ told))}")
    for case in wanted:
        title = case["sample"]
        function = title.removeprefix("functions/") if title.startswith("functions/") else "award-points"
        yield Case(title, function, case["answer"], case["counts"])


class Loop:
    """`laurel serve` and `cargo lambda watch`, both on loopback, until the end of the block."""

    def __init__(self, logs):
        self.logs, self.processes, self.watches = logs, [], 0
        self.aws = free_port()

    def _start(self, log, *command):
        environment = os.environ | Emulator.credentials("local", "local") | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.aws}"}
        environment["PATH"] = f"{TOOLS}{os.pathsep}{environment['PATH']}"
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True))

    def _watch(self):
        self.watches += 1
        self.invoke, self.watch_log = free_port(), self.logs / f"watch-{self.watches}.log"
        address = ("--invoke-address", "127.0.0.1", "--invoke-port", str(self.invoke))
        self._start(self.watch_log, "cargo", "lambda", "watch", *address, "--ignore-changes", "--offline")
        until("the start of cargo lambda watch", lambda: "starting Runtime server" in self.watch_log.read_text(), 60)

    def _stop(self, process):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)

    def __enter__(self):
        data = self.logs / "serve"
        subprocess.run(["rm", "-rf", str(data)], check=True)
        serve_log = self.logs / "serve.log"
        ports = ("--port", str(free_port()), "--aws-port", str(self.aws))
        self._start(serve_log, str(ROOT / "target/debug/laurel"), "serve", "--data", str(data), *ports)
        until("the start of laurel serve", lambda: "Laurel is up" in serve_log.read_text(), 30)
        self._watch()
        return self

    def __exit__(self, *_):
        for process in self.processes:
            self._stop(process)

    def _invoke(self, case):
        address = ("--invoke-address", "127.0.0.1", "--invoke-port", str(self.invoke))
        command = ["cargo", "lambda", "invoke", case.function, *address, "--data-file", str(EVENTS / f"{case.title}.json")]
        environment = os.environ | {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    def _state(self, function):
        """What there is to see of a function that does not answer: its process, and the end of both logs."""
        there = subprocess.run(["pgrep", "-a", "-f", f"target/debug/{function}"], capture_output=True, text=True).stdout.strip()
        ends = [f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-8:]) for log in (self.watch_log, self.logs / "serve.log")]
        return "\n".join([f"process: {there or 'none'}", *ends])

    def ask(self, case):
        """The answer to a sample, and what the function counted for it.

        `cargo lambda watch` now and then does not start a function that it was asked for. So where no process of the function
        is there, another watch is started, once, and asked; where one is there and does not answer, that is a failure.
        """
        try:
            before, ran = len(self.counted()), self._invoke(case)
        except subprocess.TimeoutExpired:
            state = self._state(case.function)
            if "process: none" not in state or self.watches > 1:
                raise Failed(f"{case.function} did not answer within {PATIENCE_SECONDS} s\n{state}") from None
            print(f"       cargo lambda watch did not start {case.function}; another is started", flush=True)
            self._stop(self.processes.pop())
            self._watch()
            try:
                before, ran = len(self.counted()), self._invoke(case)
            except subprocess.TimeoutExpired:
                raise Failed(f"{case.function} did not answer a second watch either\n{self._state(case.function)}") from None
        if ran.returncode != 0:
            raise Failed(f"cargo lambda invoke {case.function}: {ran.stderr.strip()}")
        counts = {}
        if case.counts:
            counts = until("the function's metrics", lambda: self.counted()[before:], 10)[0]
        return json.loads(ran.stdout), counts

    def counted(self):
        """What each invocation so far counted, from the embedded metrics in the log."""
        lines = [json.loads(line) for line in self.watch_log.read_text().splitlines() if line.startswith('{"_aws"')]
        return [{m["Name"]: line[m["Name"]] for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]} for line in lines]

    def check(self, case):
        """Compares a sample's answer and counts with what they must be."""
        answer, counts = self.ask(case)
        if "statusCode" in answer:
            answer = {"statusCode": answer["statusCode"], "body": json.loads(answer["body"])}
        expect(f"the answer to events/{case.title}.json", answer, case.answer)
        expect(f"what {case.function} counted for it", counts, case.counts)
