"""A function as one writes it with boto3 alone."""

import json
import logging

import award
from loop import run

log = logging.getLogger()


def handler(batch, context):
    failures = []
    for message in batch["Records"]:
        try:
            award.award(json.loads(message["body"]))
        except Exception:
            log.exception("an event was not judged")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures, "units": award.units}


run(handler)
