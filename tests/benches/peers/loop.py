"""The loop of a Lambda runtime: asks for an invocation, gives it to the handler, tells what it answered. Lighter than AWS's own."""

import http.client
import json
import os


def run(handler):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        reply = api.getresponse()
        event = json.loads(reply.read())
        request_id = reply.getheader("lambda-runtime-aws-request-id")
        answer = json.dumps(handler(event, Context(request_id)))
        api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", body=answer)
        api.getresponse().read()


class Context:
    function_name = "peer"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:peer"

    def __init__(self, request_id):
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self):
        return 30_000
