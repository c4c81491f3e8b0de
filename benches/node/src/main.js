// `POST /v1/usage` in Node.js with the official SDKs, as an app would write it; `make bench` compares with it.
//
// It makes the same calls as `record-usage`, with the same items, conditions and responses: one transaction, and the
// lookup of the customer (which is cached) beside it; then Stripe, Langfuse and the balance at once; then the mark.
// As there, clients are made once, connections are kept open, and the SDKs' own retries are off.

import { DynamoDBClient, GetItemCommand, TransactWriteItemsCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import Stripe from "stripe";

import { answer, asProblem, parse } from "./http.js";
import { price, spark } from "./prices.js";
import { run } from "./runtime.js";
import { exportOf } from "./trace.js";
import { entryOf, hash } from "./usage.js";

const env = process.env;
const table = env.TABLE_NAME;
const base = new URL(env.STRIPE_API_BASE);

const dynamodb = new DynamoDBClient({ maxAttempts: 1 });
const stripe = new Stripe(env.STRIPE_SECRET_KEY, {
  host: base.hostname,
  port: base.port || 443,
  protocol: base.protocol.slice(0, -1),
  maxNetworkRetries: 0,
  telemetry: false,
});
const langfuse = {
  endpoint: `${env.LANGFUSE_HOST}/api/public/otel/v1/traces`,
  headers: {
    authorization: `Basic ${Buffer.from(`${env.LANGFUSE_PUBLIC_KEY}:${env.LANGFUSE_SECRET_KEY}`).toString("base64")}`,
    "content-type": "application/json",
    "x-langfuse-ingestion-version": "4",
    "x-langfuse-sdk-name": "sparks",
  },
};
const customers = new Map();

async function handle(event) {
  const began = Date.now();
  const { account, key, body } = parse(event);
  const priced = price(body.usage);
  const entry = entryOf(account, key, body, priced, began);

  const [customer] = await Promise.all([customerOf(account), charge(account, entry)]);
  const [traced, metered, available] = await Promise.all([
    trace(entry, body),
    meter(entry, customer),
    balanceOf(account),
  ]);
  await mark(entry, traced, metered);

  log({ message: "POST /v1/usage returned 201", account, usage: entry.id, duration_ms: Date.now() - began });
  return answer(201, {
    usage_id: entry.id,
    account_id: account,
    sparks: spark(priced.total),
    lines: priced.lines.map(({ line, milli, dollars }) => ({
      meter: line.meter,
      model: line.model ?? null,
      sparks: spark(milli),
      provider_cost_usd: dollars,
    })),
    price_version: entry.priceVersion,
    recorded_at: new Date(entry.recordedAt).toISOString(),
    balance: { available: spark(available) },
    delivery: {
      langfuse: { status: traced, trace_id: entry.traceId },
      stripe: { status: metered, identifier: entry.id },
    },
  });
}

async function customerOf(account) {
  if (!customers.has(account)) {
    const Key = { pk: { S: `A#${account}` }, sk: { S: "C" } };
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table, Key }));
    customers.set(account, Item.customer.S);
  }
  return customers.get(account);
}

async function charge(account, entry) {
  const debit = {
    TableName: table,
    Key: { pk: { S: `A#${account}` }, sk: { S: "A" } },
    UpdateExpression: "SET available = available - :sum, debited = debited + :sum",
    ConditionExpression: "available >= :sum AND next_due > :now",
    ExpressionAttributeValues: { ":sum": { N: `${entry.milli}` }, ":now": { N: `${entry.recordedAt}` } },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  };
  const put = {
    TableName: table,
    Item: entry.item,
    ConditionExpression: "attribute_not_exists(pk)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  };
  const TransactItems = [{ Update: debit }, { Put: put }, { Update: { TableName: table, ...entry.rollup } }];
  const ClientRequestToken = hash(entry.id, `${entry.recordedAt}`).slice(0, 36);
  await dynamodb.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken }));
}

async function balanceOf(account) {
  const Key = { pk: { S: `A#${account}` }, sk: { S: "A" } };
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
  return Number(Item.available.N);
}

async function trace(entry, body) {
  const request = { method: "POST", headers: langfuse.headers, body: exportOf(entry, body, env.STAGE) };
  const reply = await fetch(langfuse.endpoint, { ...request, signal: AbortSignal.timeout(3000) });
  await reply.arrayBuffer();
  return reply.ok ? "confirmed" : "pending";
}

async function meter(entry, customer) {
  const event = {
    event_name: "sparks_used",
    identifier: entry.id,
    timestamp: Math.floor(entry.occurredAt / 1000),
    payload: { stripe_customer_id: customer, value: `${entry.milli}` },
  };
  await stripe.billing.meterEvents.create(event, { idempotencyKey: entry.id, timeout: 3000 });
  return "confirmed";
}

async function mark(entry, traced, metered) {
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { pk: { S: `E#${entry.id}` }, sk: { S: "E" } },
      UpdateExpression: "SET langfuse = :langfuse, stripe = :stripe REMOVE pending_bucket, pending_due",
      ConditionExpression: "langfuse = :before AND stripe = :before AND attribute_not_exists(claims)",
      ExpressionAttributeValues: {
        ":langfuse": { S: traced },
        ":stripe": { S: metered },
        ":before": { S: "pending" },
      },
    }),
  );
}

function log(line) {
  process.stdout.write(`${JSON.stringify({ Function: "node", Stage: env.STAGE, ...line })}\n`);
}

run((event) => handle(event).catch(asProblem));
