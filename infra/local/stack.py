"""The template on the emulator: starts it, deploys, and hands out clients."""

import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from issuer import AUDIENCE, PARTNER_CLAIM, SCOPE_PREFIX, Issuer

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
STACK = "laurel"
REGION = "us-east-1"
# Locally: a schedule that fires within the run, windows that do not make it slow.
PARAMETERS = {
    "JwtAudience": AUDIENCE, "ScopePrefix": SCOPE_PREFIX, "PartnerClaim": PARTNER_CLAIM, "Architecture": "x86_64",
    "SweepEvery": "rate(1 minute)", "AwardBatchWindowSeconds": "1",
}  # fmt: skip


class Failed(Exception):
    """Something is not as it must be. The message says what, and what it was instead."""


def expect(what, found, wanted):
    """Fails unless both are equal."""
    if found != wanted:
        raise Failed(f"{what}: found {found!r}, expected {wanted!r}")


def until(what, look, seconds=60):
    """Waits until `look` gives something; its last answer is named if it does not."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"{what} did not happen within {seconds} s")
        time.sleep(0.2)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def package_bytes(name):
    """How large the deployment package of a function is."""
    bootstrap = ROOT / "target/lambda" / name / "bootstrap"
    if not bootstrap.exists():
        raise Failed(f"{bootstrap.relative_to(ROOT)} is not there; infra/build makes it")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(bootstrap, "bootstrap")
    return len(package.getvalue())


class Emulator:
    """The emulator as a process of its own, on loopback, with permissions enforced."""

    def __init__(self, folder):
        self.issuer = Issuer()
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = folder / "emulator.log"
        scratch = folder / "emulator"
        (scratch / "tmp").mkdir(parents=True, exist_ok=True)
        places = {"TMPDIR": scratch / "tmp", "STATE_DIR": scratch / "state", "S3_DATA_DIR": scratch / "s3"}
        environment = os.environ | {name: str(path) for name, path in places.items()}
        environment |= {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
        environment |= {"AWS_ENDPOINT_URL": self.endpoint, "IOT_MTLS_ENABLED": "0"} | self.credentials()
        program = [sys.executable, str(Path(__file__).with_name("emulator.py"))]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(program, env=environment, stdout=log, stderr=log, start_new_session=True)
        until("the emulator's start", lambda: self._answers(port), 60)

    def _answers(self, port):
        if self.process.poll() is not None:
            raise Failed(f"the emulator ended at its start; see {self.log}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)

    @staticmethod
    def credentials(key="test", secret="test", token=None):
        names = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        return names | ({"AWS_SESSION_TOKEN": token} if token else {})

    def client(self, service, key="test", secret="test", token=None):
        """A client; without a key, as the account's root."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )


class Stack:
    """The deployed stack."""

    def __init__(self, emulator, log):
        self.emulator = emulator
        self.client = emulator.client
        parameters = PARAMETERS | {"JwtIssuer": emulator.issuer.url}
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        command = [str(TOOLS / "sam"), "deploy", "--config-env", "dev", "--stack-name", STACK, "--parameter-overrides", *overrides]
        environment = os.environ | emulator.credentials() | {"AWS_ENDPOINT_URL": emulator.endpoint, "SAM_CLI_TELEMETRY": "0"}
        with open(log, "wb") as out:
            deployed = subprocess.run(command, cwd=ROOT / "infra", env=environment, stdout=out, stderr=out, timeout=300)
        formation = self.client("cloudformation")
        if deployed.returncode != 0:
            raise Failed(f"sam deploy: {self._cause(formation) or log.read_text()[-600:]}")
        stack = formation.describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        listed = formation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.resources = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in listed}
        # The emulator knows an API by its path, not by its host.
        self.api = f"{self.emulator.endpoint}/_aws/execute-api/{self.resources['Api']}/$default"

    @staticmethod
    def _cause(formation):
        """Which resources could not be made, and why."""
        try:
            events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        except ClientError:
            return None
        failed = [f"{e['LogicalResourceId']} ({e.get('ResourceStatusReason')})" for e in events if "FAILED" in e["ResourceStatus"]]
        return "; ".join(failed)

    def user_with(self, policy):
        """Credentials of somebody who has nothing but one of the stack's policies."""
        iam = self.client("iam")
        iam.create_user(UserName=policy)
        iam.attach_user_policy(UserName=policy, PolicyArn=self.outputs[f"{policy}Arn"])
        key = iam.create_access_key(UserName=policy)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def credentials_of(self, function):
        """Credentials that a function has: the emulator derives them from function and role (pinned version)."""
        about = self.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{function}")
        digest = hashlib.sha256(f"{about['FunctionArn']}:{about['Role']}".encode()).hexdigest()
        secret, token = (hashlib.sha256(f"{kind}:{digest}".encode()).hexdigest() for kind in ("secret", "token"))
        return f"ASIA{digest[:16].upper()}", secret, token

    def queue(self, resource):
        """A queue's address."""
        return self.resources[resource]

    def in_queue(self, resource):
        """Messages in a queue, those with a worker included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.client("sqs").get_queue_attributes(QueueUrl=self.queue(resource), AttributeNames=names)["Attributes"]
        return sum(int(n) for n in counts.values())
