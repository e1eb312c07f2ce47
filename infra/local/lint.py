"""(b) The template as SAM, CloudFormation and security reviewers see it."""

import json
import os
import subprocess
from pathlib import Path

from stack import REGION, ROOT, TOOLS, Failed

TEMPLATE = ROOT / "infra/template.yaml"
# checkov's findings that stand, each with its reason. cfn-lint's are in the template's Metadata.
STANDS = {
    "CKV_AWS_115": "concurrency is bounded where events come from (MaximumConcurrency) and by the API's throttles",
    "CKV_AWS_116": "what fails ends in the queue's dead letters or the stream's failures; a sweep is done again by the next one",
    "CKV_AWS_117": "the functions call AWS only, over TLS with pinned roots; a VPC would add a NAT gateway and protect nothing",
    "CKV_AWS_119": "tables are encrypted with a key of AWS; a customer key is the parameter KmsKeyArn",
}


def run(name, logs, *command):
    """Runs a tool offline; what it prints is its log, and the end of it the failure's message."""
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    ran = subprocess.run([str(TOOLS / command[0]), *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True)
    said = ran.stdout + ran.stderr
    (logs / f"{name}.log").write_text(said)
    if ran.returncode != 0:
        findings = [line for line in said.splitlines() if line.strip()]
        raise Failed(f"{name} found:\n    " + "\n    ".join(findings[-12:]))


def transform(path):
    """Writes the template as CloudFormation gets it, after the SAM transform."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/" + Path(resource["Properties"]["CodeUri"]).name
    defaults = {name: about.get("Default", "") for name, about in template["Parameters"].items()}
    # No managed policy is named in the template, so none has to be looked up.
    transformed = Translator({}, Parser()).translate(sam_template=template, parameter_values=defaults)
    path.write_text(json.dumps(transformed, indent=1))


def steps(logs):
    plain = str(TEMPLATE.relative_to(ROOT))
    whole = logs / "transformed.json"
    rules = ("--regions", REGION, "--append-rules", "cfn_lint_serverless.rules", "--template")
    skipped = ",".join(STANDS)
    return [
        ("sam validate --lint", lambda: run("sam", logs, "sam", "validate", "--lint", "--region", REGION, "--template", plain)),
        ("cfn-lint and its serverless rules on the template", lambda: run("cfn-lint", logs, "cfn-lint", *rules, plain)),
        ("the SAM transform", lambda: transform(whole)),
        ("the same on the transformed template", lambda: run("cfn-lint-transformed", logs, "cfn-lint", *rules, str(whole))),
        (
            "checkov on the transformed template",
            lambda: run("checkov", logs, "checkov", "--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--skip-check", skipped, "--file", str(whole)),
        ),
    ]  # fmt: skip
