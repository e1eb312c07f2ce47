"""What both Python peers do of one event: the record, the balance and the caps of Laurel's shipped program, in its tables."""

import json
import os
from datetime import datetime

import boto3
from botocore.config import Config

db = boto3.client("dynamodb", config=Config(retries={"mode": "standard"}))
LEDGER, STATE = os.environ["LEDGER_TABLE"], os.environ["STATE_TABLE"]
BANDS = [(50_000, 1_500), (10_000, 500), (0.01, 200)]
units = 0.0


def points_of(event, state):
    """Points, and the caps that they use."""
    data, time = event["data"], datetime.fromisoformat(event["time"])
    if event["type"] == "content.viewed":
        week, month = "%d-W%02d" % time.isocalendar()[:2], event["time"][:7]
        once, monthly = f"{data['person_id']}|{data['content_id']}|{week}", f"points|{month}"
        used = state["counts"].get(monthly, 0)
        if data.get("seconds", 0) < 30 or once in state["counts"] or used >= 50:
            return 0, {}
        return 2, {once: 1, monthly: used + 2}
    if event["type"] == "deal.closed" and data["outcome"] == "won":
        acv = float(data["acv"]["amount"])
        return next((points for least, points in BANDS if acv >= least), 0), {}
    return 0, {}


def award(event):
    """Judges one event once, however often it comes; True once it is recorded."""
    global units
    program, partner = event["program"], event["subject"]
    own = f"peer#{program}#{partner}"
    record_key = "#".join(["peer", program, event["source"], event["id"]])
    while True:
        found = db.get_item(TableName=STATE, Key={"pk": {"S": own}, "sk": {"S": "head"}}, ConsistentRead=True)
        head = found.get("Item")
        position = int(head["position"]["N"]) if head else 0
        state = json.loads(head["b"]["S"]) if head else {"balance": 0, "counts": {}, "deals": {}}
        points, used = points_of(event, state)
        state["balance"] += points
        state["counts"].update(used)
        record = {
            "k": {"S": record_key}, "w": {"S": own}, "n": {"N": str(position + 1)}, "y": {"S": event["type"]},
            "t": {"S": event["time"]}, "d": {"S": json.dumps(event["data"])}, "p": {"N": str(points)},
            "o": {"S": "awarded" if points else "no_rule"}, "c": {"S": json.dumps(used)}, "b": {"N": str(state["balance"])},
        }
        item = {"pk": {"S": own}, "sk": {"S": "head"}, "position": {"N": str(position + 1)}, "b": {"S": json.dumps(state)}}
        put = {"TableName": STATE, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if head:
            put["ConditionExpression"] = "#v = :v"
            put["ExpressionAttributeNames"] = {"#v": "position"}
            put["ExpressionAttributeValues"] = {":v": {"N": str(position)}}
        once = {"TableName": LEDGER, "Item": record, "ConditionExpression": "attribute_not_exists(k)"}
        try:
            reply = db.transact_write_items(TransactItems=[{"Put": once}, {"Put": put}], ReturnConsumedCapacity="TOTAL")
            units += sum(table["CapacityUnits"] for table in reply["ConsumedCapacity"])
            return True
        except db.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][0]["Code"] == "ConditionalCheckFailed":
                return True
