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
    if there != set(wanted):
        raise Failed(f"events/ and {ANSWERS.name} differ in {', '.join(sorted(there ^ set(wanted)))}")
    for title, case in wanted.items():
        function = title.removeprefix("functions/") if title.startswith("functions/") else "award-points"
        yield Case(title, function, case["answer"], case["counts"])


class Loop:
    """`laurel serve` and `cargo lambda watch`, both on loopback, until the end of the block."""

    def __init__(self, logs):
        self.logs, self.processes = logs, []
        self.aws, self.invoke = free_port(), free_port()
        self.watch_log = logs / "watch.log"

    def _start(self, log, *command):
        environment = os.environ | Emulator.credentials("local", "local") | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.aws}"}
        environment["PATH"] = f"{TOOLS}{os.pathsep}{environment['PATH']}"
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True))

    def __enter__(self):
        data = self.logs / "serve"
        subprocess.run(["rm", "-rf", str(data)], check=True)
        serve_log = self.logs / "serve.log"
        ports = ("--port", str(free_port()), "--aws-port", str(self.aws))
        self._start(serve_log, str(ROOT / "target/debug/laurel"), "serve", "--data", str(data), *ports)
        until("the start of laurel serve", lambda: "Laurel is up" in serve_log.read_text(), 30)
        address = ("--invoke-address", "127.0.0.1", "--invoke-port", str(self.invoke))
        self._start(self.watch_log, "cargo", "lambda", "watch", *address, "--ignore-changes", "--offline")
        until("the start of cargo lambda watch", lambda: "starting Runtime server" in self.watch_log.read_text(), 60)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)

    def ask(self, case):
        """The answer to a sample, and what the function counted for it."""
        before = len(self.counted())
        address = ("--invoke-address", "127.0.0.1", "--invoke-port", str(self.invoke))
        sample = str(EVENTS / f"{case.title}.json")
        command = ["cargo", "lambda", "invoke", case.function, *address, "--data-file", sample]
        path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=600)
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
