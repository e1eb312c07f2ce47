// The same in JavaScript, with the AWS SDK's third version.

import http from "node:http";
import { DynamoDBClient, GetItemCommand, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";

const db = new DynamoDBClient({});
const { LEDGER_TABLE: LEDGER, STATE_TABLE: STATE, AWS_LAMBDA_RUNTIME_API: API } = process.env;
const BANDS = [[50_000, 1_500], [10_000, 500], [0.01, 200]];
let units = 0;

function week(time) {
  const day = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()));
  day.setUTCDate(day.getUTCDate() + 4 - (day.getUTCDay() || 7));
  const first = Date.UTC(day.getUTCFullYear(), 0, 1);
  return `${day.getUTCFullYear()}-W${Math.ceil(((day - first) / 86_400_000 + 1) / 7)}`;
}

/** Points, and the caps that they use. */
function pointsOf(event, state) {
  const { data } = event;
  if (event.type === "content.viewed") {
    const once = `${data.person_id}|${data.content_id}|${week(new Date(event.time))}`;
    const monthly = `points|${event.time.slice(0, 7)}`;
    const used = state.counts[monthly] ?? 0;
    if ((data.seconds ?? 0) < 30 || once in state.counts || used >= 50) return [0, {}];
    return [2, { [once]: 1, [monthly]: used + 2 }];
  }
  if (event.type === "deal.closed" && data.outcome === "won") {
    return [BANDS.find(([least]) => Number(data.acv.amount) >= least)?.[1] ?? 0, {}];
  }
  return [0, {}];
}

/** Judges one event once, however often it comes. */
async function award(event) {
  const own = `peer#${event.program}#${event.subject}`;
  const key = ["peer", event.program, event.source, event.id].join("#");
  for (;;) {
    const read = { TableName: STATE, Key: { pk: { S: own }, sk: { S: "head" } }, ConsistentRead: true };
    const head = (await db.send(new GetItemCommand(read))).Item;
    const position = head ? Number(head.position.N) : 0;
    const state = head ? JSON.parse(head.b.S) : { balance: 0, counts: {}, deals: {} };
    const [points, used] = pointsOf(event, state);
    state.balance += points;
    Object.assign(state.counts, used);
    const record = {
      k: { S: key }, w: { S: own }, n: { N: `${position + 1}` }, y: { S: event.type }, t: { S: event.time },
      d: { S: JSON.stringify(event.data) }, p: { N: `${points}` }, o: { S: points ? "awarded" : "no_rule" },
      c: { S: JSON.stringify(used) }, b: { N: `${state.balance}` },
    };
    const item = { pk: { S: own }, sk: { S: "head" }, position: { N: `${position + 1}` }, b: { S: JSON.stringify(state) } };
    const put = { TableName: STATE, Item: item, ConditionExpression: "attribute_not_exists(pk)" };
    if (head) {
      put.ConditionExpression = "#v = :v";
      put.ExpressionAttributeNames = { "#v": "position" };
      put.ExpressionAttributeValues = { ":v": { N: `${position}` } };
    }
    const once = { TableName: LEDGER, Item: record, ConditionExpression: "attribute_not_exists(k)" };
    try {
      const write = { TransactItems: [{ Put: once }, { Put: put }], ReturnConsumedCapacity: "TOTAL" };
      const reply = await db.send(new TransactWriteItemsCommand(write));
      units += reply.ConsumedCapacity.reduce((sum, table) => sum + table.CapacityUnits, 0);
      return;
    } catch (error) {
      if (error.name !== "TransactionCanceledException") throw error;
      if (error.CancellationReasons[0].Code === "ConditionalCheckFailed") return;
    }
  }
}

async function handler(batch) {
  const batchItemFailures = [];
  for (const message of batch.Records) {
    try {
      await award(JSON.parse(message.body));
    } catch (error) {
      console.error(error);
      batchItemFailures.push({ itemIdentifier: message.messageId });
    }
  }
  return { batchItemFailures, units };
}

const agent = new http.Agent({ keepAlive: true });

function call(method, path, body) {
  const [host, port] = API.split(":");
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path: `/2018-06-01/runtime/invocation/${path}`, agent }, (reply) => {
      let text = "";
      reply.on("data", (part) => (text += part));
      reply.on("end", () => resolve([reply.headers, text]));
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const [headers, text] = await call("GET", "next");
  const answer = await handler(JSON.parse(text));
  await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
}
