"""The AWS emulator with what it lacks, patched in memory: run as a program, it serves until it is ended.

Stock ministack skips the stream records that a partial batch response names, and ignores bisect and the retry limit; a green run
on it would prove nothing about the relay. It looks at schedules every minute only, and compares a concurrency that a parameter
gives as text with a number; and it wants permissions for SQS batches that AWS does not know: a batch needs what one message
needs. Private names: the version is pinned.
"""

import json
import time

from ministack import app
from ministack.core import iam_actions
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler
from ministack.services.cloudformation import provisioners

scheduler._SCHEDULE_TICK_INTERVAL = eventbridge._SCHEDULER_TICK_INTERVAL = 1


class Shard:
    """How far one mapping is in a stream, and what it still has to send of the batch it is at."""

    def __init__(self):
        self.position, self.chunks, self.tries = None, [], 0


_shards = {}


def _acknowledge(mapping_id, position):
    with lambda_svc._dynamodb_stream_positions_lock:
        lambda_svc._dynamodb_stream_positions[mapping_id] = position


def _done(records, mapping, result):
    """How many records from the front are done, as Lambda reads the function's reply."""
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return len(records)
    body = result.get("body")
    try:
        body = json.loads(body) if isinstance(body, (str, bytes)) else body
    except ValueError:
        return len(records)
    failed = [f.get("itemIdentifier") for f in (body or {}).get("batchItemFailures") or []]
    if not failed:
        return len(records)
    sequence = [r["dynamodb"]["SequenceNumber"] for r in records]
    return min(sequence.index(f) for f in failed) if all(f in sequence for f in failed) else 0


def _deliver(mapping):
    """Delivers the next records of one mapping. True if it went on."""
    arn = mapping.get("EventSourceArn", "")
    try:
        spec = lambda_svc.parse_arn(arn)
    except lambda_svc.ArnParseError:
        return False
    here = (lambda_svc.get_account_id(), lambda_svc.get_region())
    if not mapping.get("Enabled", True) or spec.service != "dynamodb" or (spec.account_id, spec.region) != here:
        return False
    found = lambda_svc._dynamodb_stream_table_from_arn_spec(spec)
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    table = found and dynamodb._tables.get(found[0])
    if not function or not table or table.get("LatestStreamArn") != arn:
        return False
    mapping_id, name = mapping["UUID"], found[0]
    if lambda_svc._esm_backoff_until.get(mapping_id, 0) > time.time():
        return False
    lambda_svc._init_stream_position(mapping_id, arn, mapping.get("StartingPosition", "LATEST"))
    position = max(lambda_svc._dynamodb_stream_positions[mapping_id], dynamodb.stream_start_position(name))
    shard = _shards.setdefault(mapping_id, Shard())
    if shard.position != position:
        shard.position, shard.tries = position, 0
    records = dynamodb.stream_records_since(name, position, int(mapping.get("BatchSize", 100)))
    if not records:
        return False
    shard.chunks = shard.chunks or [len(records)]
    batch = records[: shard.chunks.pop(0)]
    result = lambda_svc._execute_function(function, {"Records": batch})
    done = _done(batch, mapping, result)
    if done == len(batch):
        mapping["LastProcessingResult"] = f"OK - {done} records"
        _acknowledge(mapping_id, position + done)
        return True
    mapping["LastProcessingResult"] = "FAILED"
    if done:
        _acknowledge(mapping_id, position + done)
        shard.position, shard.tries = position + done, 0
    _again(mapping, function, arn, shard, batch[done:], result, position + done)
    return done > 0


def _again(mapping, function, arn, shard, left, result, position):
    """What becomes of records that were not done: halved, tried again, or put aside."""
    mapping_id = mapping["UUID"]
    if mapping.get("BisectBatchOnFunctionError") and len(left) > 1:
        shard.chunks[:0] = [len(left) // 2, len(left) - len(left) // 2]  # a split does not use up a retry
    else:
        shard.tries += 1
        limit = int(mapping.get("MaximumRetryAttempts", -1))
        if 0 <= limit < shard.tries:
            lambda_svc._send_ddb_stream_failure_record(mapping, function, left, arn, result, "RetryAttemptsExhausted")
            _acknowledge(mapping_id, position + len(left))
            shard.tries = 0
            return
        shard.chunks.insert(0, len(left))
    lambda_svc._esm_backoff_until[mapping_id] = time.time() + min(0.2 * 2**shard.tries, 2)


def _poll():
    went_on = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        tokens = lambda_svc._request_account_id.set(account), lambda_svc._request_region.set(region)
        try:
            went_on = _deliver(mapping) or went_on
        finally:
            lambda_svc._request_account_id.reset(tokens[0])
            lambda_svc._request_region.reset(tokens[1])
    return went_on


lambda_svc._poll_dynamodb_streams = _poll

_mapping_handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
_create_mapping = _mapping_handlers["create"]


def _create_with_numbers(logical_id, props, stack_name):
    scaling = props.get("ScalingConfig")
    if scaling:
        props = props | {"ScalingConfig": {name: int(value) for name, value in scaling.items()}}
    return _create_mapping(logical_id, props, stack_name)


_mapping_handlers["create"] = _create_with_numbers

_action_from_target = iam_actions._action_from_target


def _as_aws_names_it(headers):
    action = _action_from_target(headers)
    return action.removesuffix("Batch") if action else action


iam_actions._action_from_target = _as_aws_names_it

# It speaks plain HTTP, on loopback only; the queues refuse that, so a request counts as sent over TLS.
_pin_origin = app.pin_request_origin
app.pin_request_origin = lambda address, _: _pin_origin(address, True)

if __name__ == "__main__":
    app.main()
