"""The same with Powertools for AWS Lambda, as its guide has it."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

import award
from loop import run

logger = Logger(service="peer")
processor = BatchProcessor(event_type=EventType.SQS)


def record_handler(record):
    award.award(record.json_body)


@logger.inject_lambda_context
def handler(batch, context):
    reply = process_partial_response(event=batch, record_handler=record_handler, processor=processor, context=context)
    return {**reply, "units": award.units}


run(handler)
