"""(c) The template deployed to the emulator with the real bootstraps, and used as senders, partners and staff use it."""

import json
import subprocess
from datetime import UTC, datetime

import requests
from botocore.exceptions import ClientError
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from stack import ROOT, STACK, Emulator, Failed, Stack, expect, package_bytes, until

PROGRAM = "hr-software"
PARTNERS = ["northwind", "tailspin", "contoso", "fabrikam"]
# What the seven earning events of a partner come to in the shipped program: a registration 50, a qualified deal 150, a closed
# deal of US$48,000 500, a course at level 101 100, and three contents 2 each.
POINTS = 50 + 150 + 500 + 100 + 3 * 2
TIME = "2026-03-14T09:30:00Z"
CARD = "STAR-0001-VERIFY"
PACKAGE_BYTES_MAX = 29 * 1024 * 1024 // 10


def event(source, kind, id, partner, data, time=TIME):
    return {
        "specversion": "1.0", "id": id, "source": source, "type": kind, "subject": partner, "program": PROGRAM, "time": time,
        "data": data,
    }  # fmt: skip


def closed(partner, id="won", amount="48000.00", deal=None):
    acv = {"amount": amount, "currency": "USD"}
    data = {"deal_id": deal or f"D-{partner}", "outcome": "won", "acv": acv, "tenor_months": 36, "motion": "sell"}
    return event("/crm/acme", "deal.closed", f"{partner}-{id}", partner, data)


def enrolled(partner):
    return event("/crm/acme", "partner.enrolled", f"{partner}-enrolled", partner, {"name": partner.title(), "motions": ["sell"]})


def course(partner):
    data = {"course_id": "sales-101", "level": 101, "person_id": "dana"}
    return event("/lms/academy", "course.completed", f"{partner}-course", partner, data)


def earning(partner):
    """Seven events that earn."""
    deal = {"deal_id": f"D-{partner}"}
    registered = deal | {"opportunity_id": f"O-{partner}", "customer": "Adatum"}
    viewed = [
        event("/cms/portal", "content.viewed", f"{partner}-view-{n}", partner, {"content_id": f"c{n}", "person_id": "dana", "seconds": 45})
        for n in range(3)
    ]
    return [
        event("/crm/acme", "deal.registered", f"{partner}-registered", partner, registered, "2026-03-02T10:00:00Z"),
        event("/crm/acme", "deal.qualified", f"{partner}-qualified", partner, deal, "2026-03-09T10:00:00Z"),
        closed(partner),
        course(partner),
        *viewed,
    ]


class Scenario:
    """One run. Each method is a step, and its docstring what it shows."""

    def packages(self):
        """every deployment package is at most 2.9 MiB"""
        for function in sorted(path.name for path in (ROOT / "functions").iterdir()):
            size = package_bytes(function)
            if size > PACKAGE_BYTES_MAX:
                raise Failed(f"the package of {function} has {size} bytes, at most {PACKAGE_BYTES_MAX} are allowed")

    def __init__(self, emulator, cli):
        self.emulator, self.cli = emulator, cli

    def deploy(self):
        """sam deploy with the release bootstraps, permissions enforced"""
        self.stack = Stack(self.emulator, self.emulator.log.with_name("sam-deploy.log"))
        self.operator = self.stack.user_with("OperatorPolicy")
        self.sender = self.emulator.client("sqs", *self.stack.user_with("SenderPolicy"))
        self.sqs, self.dynamodb = self.emulator.client("sqs"), self.emulator.client("dynamodb")
        # The deployed visibility is six times a function's time-out; a dead letter would take twenty minutes to get there.
        for queue in ("PartnerEvents", "Redemptions", "PartnerReviews"):
            self.sqs.set_queue_attributes(QueueUrl=self.stack.queue(queue), Attributes={"VisibilityTimeout": "3"})

    def laurel(self, *arguments):
        outputs = self.stack.outputs
        environment = self.emulator.credentials(*self.operator) | {"AWS_ENDPOINT_URL": self.emulator.endpoint, "PATH": "/usr/bin:/bin"}
        environment |= {f"{table.upper()}_TABLE": outputs[f"{table}TableName"] for table in ("Ledger", "State", "Waiting")}
        environment |= {"CARD_SECRET": outputs["CardSecretName"]}
        ran = subprocess.run([self.cli, *arguments, "--aws"], env=environment, cwd=ROOT, capture_output=True, text=True)
        if ran.returncode != 0:
            raise Failed(f"laurel {' '.join(arguments)}: {ran.stderr.strip()}\n{ran.stdout}")
        return ran.stdout

    def publish(self):
        """staff publish both programs and load one card, with nothing but the operator's policy"""
        for program in ("hr-software", "perx"):
            self.laurel("publish", f"infra/programs/{program}.toml", "--effective-from", "2020-01-01T00:00:00Z")
        codes = self.stack.emulator.log.with_name("codes.txt")
        codes.write_text(CARD + "\n")
        loaded = self.laurel("codes", "load", "starbucks-10", str(codes), "--program", PROGRAM)
        if "1 codes loaded" not in loaded:
            raise Failed(f"laurel codes load said {loaded!r}")

    def listen(self):
        """a rule on the bus brings the notices to a queue"""
        queue = self.sqs.create_queue(QueueName="notices")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events, bus = self.emulator.client("events"), self.stack.outputs["NoticesBusName"]
        events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": ["laurel"]}))
        events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        self.stack.resources["notices"] = queue

    def send(self, body, queue="PartnerEvents"):
        body = body if isinstance(body, str) else json.dumps(body)
        self.sender.send_message(QueueUrl=self.stack.queue(queue), MessageBody=body)

    def events(self):
        """50 events through SQS: duplicates, a conflict, one not JSON, one that cannot be processed"""
        # An account that does not parse: its event can never be committed.
        broken = {"pk": {"S": f"partner#{PROGRAM}#broken"}, "sk": {"S": "head"}, "position": {"S": "not a number"}}
        self.dynamodb.put_item(TableName=self.stack.outputs["StateTableName"], Item=broken)
        first = [enrolled(p) for p in PARTNERS] + [e for p in PARTNERS for e in earning(p)]
        for one in first:
            self.send(one)
        self.worked_off("PartnerEvents")
        reordered = [dict(reversed(list(e.items()))) | {"time": e["time"].replace("Z", "+00:00")} for e in first[:3]]
        again = first[4:12] + reordered
        unknown = event("/crm/acme", "deal.imagined", "northwind-imagined", "northwind", {})
        last = [closed("northwind", amount="1.00"), closed("northwind", id="won-again"), unknown, course("latecomer")]
        last += [course("broken"), "{ this is not JSON", enrolled("latecomer")]
        for one in again + last:
            self.send(one)
        expect("events sent", len(first) + len(again) + len(last), 50)
        self.worked_off("PartnerEvents")

    def worked_off(self, queue):
        until(f"the queue {queue} being worked off", lambda: self.stack.in_queue(queue) == 0, 90)

    def call(self, method, path, token, **more):
        return requests.request(method, self.stack.api + path, headers={"Authorization": f"Bearer {token}"} | more.pop("headers", {}), timeout=30, **more)

    def get(self, partner, rest=""):
        token = self.emulator.issuer.token(partner)
        reply = self.call("GET", f"/v1/partners/{partner}{rest}", token)
        expect(f"status of GET {partner}{rest}", reply.status_code, 200)
        return reply.json()

    def balances(self):
        """every balance is what the events earned, and the event that came before its partner was judged after it"""
        until("the latecomer's course being judged", lambda: self.get("latecomer")["balance"]["available"] == 100)
        for partner in PARTNERS:
            # An event that came before its deal waits, and is sent again by the relay.
            until(f"{partner} having {POINTS} points", lambda partner=partner: self.get(partner)["balance"]["available"] >= POINTS)
            expect(f"balance of {partner}", self.get(partner)["balance"]["available"], POINTS)

    def one_award_per_event(self):
        """one record and one award per event, whatever was sent twice"""
        for partner in PARTNERS:
            judged = self.get(partner, "/events?limit=100")["items"]
            outcomes = sorted(e["outcome"] for e in judged if not e["source"].startswith("urn:laurel:"))
            refused = ["rejected", "refused", "conflict"] if partner == "northwind" else []
            expect(f"outcomes of {partner}", outcomes, sorted(["awarded"] * 7 + ["no_rule"] + refused))
            entries = self.get(partner, "/statement?limit=100")["items"]
            earned = [(e["source"], e["id"]) for e in entries if e["kind"] == "accrual"]
            expect(f"accruals of {partner}", (len(earned), len(set(earned))), (7, 7))

    def put_aside(self):
        """quarantine and dead-letter queue hold exactly their message, the other ends are empty"""
        until("the event that cannot be committed becoming a dead letter", lambda: self.stack.in_queue("PartnerEventsDeadLetters") == 1, 90)
        ends = {q: self.stack.in_queue(q) for q in ("Quarantine", "RedemptionsDeadLetters", "PartnerReviewsDeadLetters", "RelayFailures")}
        expect("messages put aside", ends, {"Quarantine": 1, "RedemptionsDeadLetters": 0, "PartnerReviewsDeadLetters": 0, "RelayFailures": 0})
        dead = self.take("PartnerEventsDeadLetters")
        expect("the dead letter", json.loads(dead["Body"])["id"], "broken-course")
        bad = self.take("Quarantine")
        expect("the message in quarantine", bad["Body"], "{ this is not JSON")
        if "reason" not in bad.get("MessageAttributes", {}):
            raise Failed("the message in quarantine has no reason")

    def take(self, queue):
        got = self.sqs.receive_message(QueueUrl=self.stack.queue(queue), MessageAttributeNames=["All"], VisibilityTimeout=0)
        return got["Messages"][0]

    def notices(self):
        """the relay told the bus about every award once, and about the conflict"""
        kinds = {}

        def all_told():
            while got := self.sqs.receive_message(QueueUrl=self.stack.queue("notices"), MaxNumberOfMessages=10).get("Messages"):
                for message in got:
                    told = json.loads(message["Body"])
                    kinds.setdefault(told["detail-type"], []).append(told["detail"]["correlation_id"])
                    self.sqs.delete_message(QueueUrl=self.stack.queue("notices"), ReceiptHandle=message["ReceiptHandle"])
            return len(kinds.get("PointsAwarded", [])) >= 29 and "EventConflict" in kinds

        until("29 notices of points awarded and one of the conflict", all_told)
        expect("notices of points awarded", (len(kinds["PointsAwarded"]), len(set(kinds["PointsAwarded"]))), (29, 29))
        expect("notices of conflicts", kinds.get("EventConflict"), [f"{PROGRAM} /crm/acme northwind-won"])

    def access(self):
        """the API opens for a valid token with the scope, and for the caller's own partner only"""
        token, path = self.emulator.issuer.token, "/v1/partners/tailspin"
        expired = token("tailspin", exp=1_700_000_000)
        statuses = {
            "own": self.call("GET", path, token("tailspin")).status_code,
            "another's": self.call("GET", path, token("contoso")).status_code,
            "staff": self.call("GET", path, token(scope="read admin")).status_code,
            "no token": requests.get(self.stack.api + path, timeout=30).status_code,
            "expired": self.call("GET", path, expired).status_code,
            "wrong audience": self.call("GET", path, token("tailspin", aud="other")).status_code,
            "forged": self.call("GET", path, token("tailspin", forged=True)).status_code,
            "missing scope": self.call("GET", path, token("tailspin", scope="redeem")).status_code,
        }
        expected = {"own": 200, "another's": 404, "staff": 200, "no token": 401, "expired": 401, "wrong audience": 401, "forged": 401}
        expect("answers", statuses, expected | {"missing scope": 403})

    def redemption(self):
        """a gift card is redeemed through the API, relayed, fulfilled and revealed; the same key gives the same answer"""
        token, path = self.emulator.issuer.token("northwind"), "/v1/partners/northwind/redemptions"
        ask = {"json": {"reward_id": "starbucks-10", "quantity": 1}, "headers": {"Idempotency-Key": "order-1"}}
        first, again = self.call("POST", path, token, **ask), self.call("POST", path, token, **ask)
        expect("status of the redemption", first.status_code, 201)
        expect("the same key again", (again.text, again.headers.get("idempotency-replayed")), (first.text, "true"))
        redemption = f"{path}/{first.json()['id']}"
        until("the card", lambda: self.call("GET", redemption, token).json()["status"] == "fulfilled")
        revealed = self.call("POST", f"{redemption}/reveal", token)
        expect("the revealed card", revealed.json().get("code"), CARD)
        expect("the balance after it", self.get("northwind")["balance"]["available"], POINTS - 500)
        other = {"json": ask["json"], "headers": {"Idempotency-Key": "order-2"}}
        late = self.call("POST", "/v1/partners/tailspin/redemptions", self.emulator.issuer.token("tailspin"), **other)
        expect("a redemption without stock", (late.status_code, late.json()["code"]), (409, "out_of_stock"))
        self.laurel("codes", "rotate-key", "second")
        expect("the card after a new key", self.call("POST", f"{redemption}/reveal", token).json().get("code"), CARD)
        self.correlation = first.json()["id"]

    def posted(self):
        """events that the CloudEvents SDK posts to the API, in every mode, are judged like those on the queue"""
        token = self.emulator.issuer.token(scope="ingest", sources="/cms/*")
        for number, to_message in enumerate([to_structured_event, to_binary_event]):
            data = {"content_id": f"posted-{number}", "person_id": "dana", "seconds": 45}
            view = event("/cms/portal", "content.viewed", f"fabrikam-posted-{number}", "fabrikam", data)
            attributes = {name: value for name, value in view.items() if name != "data"}
            attributes |= {"time": datetime.fromisoformat(view["time"]), "datacontenttype": "application/json"}
            message = to_message(CloudEvent(attributes=attributes, data=data))
            answer = self.call("POST", "/v1/events", token, data=message.body, headers=message.headers)
            expect(f"status of the event posted by {to_message.__name__}", answer.status_code, 202)
        until("their points", lambda: self.get("fabrikam")["balance"]["available"] == POINTS + 4)
        other = {"data": json.dumps(enrolled("nobody")), "headers": {"Content-Type": "application/cloudevents+json"}}
        refused = self.call("POST", "/v1/events", token, **other)
        expect("a source that the token does not name", (refused.status_code, refused.json()["code"]), (422, "source_not_allowed"))
        expect("the request's id", bool(refused.headers.get("x-request-id")), True)

    def audit(self):
        """an audit by staff proves every account from its records, and finds the one that was broken"""
        try:
            self.laurel("audit", "--json")
        except Failed as failed:
            found = [json.loads(line) for line in str(failed).splitlines() if line.startswith("{")]
            if not found:
                raise Failed(f"the audit came to no end: {failed}") from failed
            expect("what the audit found", [finding["of"] for finding in found], ["broken"])
        else:
            raise Failed("the audit found nothing, though one account does not read")

    def review(self):
        """the schedule finds a partner whose held points are due, and the review releases them"""
        for record in json.loads((ROOT / "events/story.reseller.json").read_text())["Records"]:
            self.send(record["body"])
        # Points are held of what is renewed.
        data = {"deal_id": "M-7", "outcome": "won", "acv": {"amount": "20000.00", "currency": "USD"}, "tenor_months": 12, "motion": "sell", "renewal": True}
        renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.send(event("/crm/acme", "deal.closed", "merlion-renewal", "partner-31", data, renewed) | {"program": "perx"})
        self.worked_off("PartnerEvents")
        token = self.emulator.issuer.token("partner-31", program="perx")

        def balance():
            return self.call("GET", "/v1/partners/partner-31", token).json()["balance"]

        before = balance()
        if before["pending"] == 0:
            raise Failed("no points are held, so nothing can be released")
        self.let_time_pass("partner#perx#partner-31")

        def released():
            entries = self.call("GET", "/v1/partners/partner-31/statement?limit=100", token).json()["items"]
            return [e["amount"] for e in entries if e["kind"] == "release"]

        until("the release by the scheduled sweep", released, 120)
        expect("points released", released(), [before["pending"]])
        expect("points after the release", balance()["available"], before["available"] + before["pending"])

    def let_time_pass(self, partner):
        """Makes what a partner waits for due since yesteryear: nothing here can wait thirty days."""
        table = self.stack.outputs["StateTableName"]
        head = {"TableName": table, "Key": {"pk": {"S": partner}, "sk": {"S": "head"}}}
        content = json.loads(self.dynamodb.get_item(**head)["Item"]["b"]["S"])
        held = content["l"]["points"]["p"]
        content["l"]["points"]["p"] = {f"2025-01-01/{release.split('/')[1]}": points for release, points in held.items()}
        moved = {":content": {"S": json.dumps(content, separators=(",", ":"))}}
        self.dynamodb.update_item(**head, UpdateExpression="SET b = :content", ExpressionAttributeValues=moved)
        self.dynamodb.update_item(**head, UpdateExpression="SET due_on = :day", ExpressionAttributeValues={":day": {"S": "2025-01-01"}})

    def denials(self):
        """each function is denied what its role does not name"""
        key = {"k": {"S": "a#b#c"}}
        ledger, state = self.stack.outputs["LedgerTableName"], self.stack.outputs["StateTableName"]
        head = {"pk": {"S": "partner#hr-software#northwind"}, "sk": {"S": "head"}}
        forbidden = {
            "award-points": [("dynamodb", "delete_item", {"TableName": ledger, "Key": key}), ("secretsmanager", "get_secret_value", {"SecretId": f"{STACK}-card-keys"})],
            "fulfil-redemptions": [("dynamodb", "update_item", {"TableName": ledger, "Key": key}), ("sqs", "send_message", {"QueueUrl": self.stack.queue("PartnerEvents"), "MessageBody": "{}"})],
            "review-partners": [("dynamodb", "scan", {"TableName": ledger}), ("secretsmanager", "get_secret_value", {"SecretId": f"{STACK}-card-keys"})],
            "relay-changes": [("dynamodb", "put_item", {"TableName": ledger, "Item": key}), ("dynamodb", "put_item", {"TableName": state, "Item": head})],
            "redeem-rewards": [("dynamodb", "delete_item", {"TableName": ledger, "Key": key}), ("dynamodb", "delete_item", {"TableName": state, "Key": head}), ("sqs", "send_message", {"QueueUrl": self.stack.queue("PartnerEvents"), "MessageBody": "{}"})],
            "read-accounts": [("dynamodb", "put_item", {"TableName": ledger, "Item": key}), ("dynamodb", "put_item", {"TableName": state, "Item": head}), ("secretsmanager", "get_secret_value", {"SecretId": f"{STACK}-card-keys"})],
            "receive-events": [("dynamodb", "get_item", {"TableName": state, "Key": head}), ("sqs", "purge_queue", {"QueueUrl": self.stack.queue("PartnerEvents")})],
        }  # fmt: skip
        for function, calls in forbidden.items():
            credentials = self.stack.credentials_of(function)
            for service, action, arguments in calls:
                try:
                    getattr(self.emulator.client(service, *credentials), action)(**arguments)
                except ClientError as error:
                    if "AccessDenied" in error.response["Error"]["Code"]:
                        continue
                    raise Failed(f"{function} calling {service}:{action}: {error}") from error
                raise Failed(f"{function} may call {service}:{action}, which its role must not allow")

    def complaints(self):
        """What the functions last warned of: where a step fails, the cause is mostly there."""
        logs, lines = self.emulator.client("logs"), []
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            entries = logs.filter_log_events(logGroupName=group["logGroupName"], filterPattern="error")["events"]
            for line in [json.loads(e["message"]) for e in entries if e["message"].startswith("{")][-2:]:
                lines.append(f"{line.get('service')}: {line.get('message')}: {line.get('error')}")
        return lines

    def logs(self):
        """no call was denied, and one correlation id leads from request to card through the functions' logs"""
        logs, found = self.emulator.client("logs"), {}
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
            service = group["logGroupName"].removeprefix(f"/aws/lambda/{STACK}-")
            for entry in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                line = entry["message"]
                if "AccessDenied" in line:
                    raise Failed(f"{service} was denied a call that it makes: {line}")
                if CARD in line or "not JSON" in line:
                    raise Failed(f"{service} logged a card or a body")
                if self.correlation in line:
                    found.setdefault(json.loads(line)["service"], line)
        expect("functions that log the redemption's id", sorted(found), ["fulfil-redemptions", "redeem-rewards", "relay-changes"])


STEPS = [
    Scenario.packages, Scenario.deploy, Scenario.publish, Scenario.listen, Scenario.events, Scenario.balances, Scenario.one_award_per_event,
    Scenario.put_aside, Scenario.notices, Scenario.access, Scenario.redemption, Scenario.posted, Scenario.audit, Scenario.review,
    Scenario.denials, Scenario.logs,
]  # fmt: skip

NOT_COVERED = """\
What the emulator does not show, and only AWS does:
  - TransactionConflict between concurrent transactions, throttling, cold starts, latency: tests inject the first two
  - time to live, point-in-time recovery, encryption at rest and customer keys: accepted and not carried out
  - the ledger's own policy, which denies updates and deletes to everybody: accepted and not enforced; a test reads it in the template
  - alarms are created and never raised; the dashboard is stored and not drawn
  - Lambda's own checks of the template, such as visibility against time-out: cfn-lint makes them in (b)
  - a token without `exp`: the emulator's gateway lets it through, AWS refuses it, and so does the function
  - the stream's shards: there is one, so ParallelizationFactor does nothing
  - API throttles and CORS
  - arm64: bootstraps built and run here are x86_64"""
