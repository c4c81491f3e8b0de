// The ledger entry of a usage and its roll-up, as items of the table.

import { createHash } from "node:crypto";

const PRICE_VERSION = "node";

export function hash(...parts) {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(`${part.length}:`).update(part);
  return digest.digest("hex");
}

export function entryOf(account, key, body, priced, now) {
  const id = `use_${hash("usage", process.env.STAGE, account, key).slice(0, 32)}`;
  const recordedAt = now;
  const occurredAt = body.occurred_at ? Date.parse(body.occurred_at) : now;
  const lines = priced.lines.map(({ line, milli }) => ({ ...line, sparks: milli }));
  const { input, output, ...labels } = body.trace ?? {};
  const item = {
    pk: { S: `E#${id}` },
    sk: { S: "E" },
    id: { S: id },
    kind: { S: "usage" },
    account: { S: account },
    amount: { N: `${-priced.total}` },
    recorded_at: { N: `${recordedAt}` },
    ledger_at: { S: `${new Date(recordedAt).toISOString()}#${id}` },
    request_hash: { S: hash(JSON.stringify(body)) },
    lines: { S: JSON.stringify(lines) },
    price_version: { S: PRICE_VERSION },
    occurred_at: { N: `${occurredAt}` },
    langfuse: { S: "pending" },
    stripe: { S: "pending" },
    trace: { S: JSON.stringify(labels) },
    pending_bucket: { S: `P#${bucketOf(account)}` },
    pending_due: { N: `${recordedAt + 60_000}` },
  };
  return {
    id,
    account,
    item,
    lines,
    milli: priced.total,
    recordedAt,
    occurredAt,
    priceVersion: PRICE_VERSION,
    // Langfuse's own way from a seed to an id.
    traceId: createHash("sha256").update(id).digest("hex").slice(0, 32),
    spanId: createHash("sha256").update(`${id}:usage`).digest("hex").slice(0, 16),
    rollup: rollupOf(account, priced, occurredAt),
  };
}

function bucketOf(account) {
  const first = Number.parseInt(hash(account).slice(0, 2), 16);
  return `${first % 16}`.padStart(2, "0");
}

function rollupOf(account, priced, occurredAt) {
  const quarter = new Date(occurredAt - (occurredAt % 900_000)).toISOString().slice(0, 16);
  const names = {};
  const values = {};
  const additions = priced.lines.map(({ line, milli }, index) => {
    const name = line.model ? `${line.meter}#${line.model}` : line.meter;
    names[`#s${index}`] = `sparks#${name}`;
    names[`#q${index}`] = `quantity#${name}`;
    values[`:s${index}`] = { N: `${milli}` };
    values[`:q${index}`] = { N: `${quantityOf(line)}` };
    return `#s${index} :s${index}, #q${index} :q${index}`;
  });
  const models = [...new Set(priced.lines.map(({ line }) => line.model).filter(Boolean))];
  if (models.length > 0) {
    additions.push("models :models");
    values[":models"] = { SS: models };
  }
  return {
    Key: { pk: { S: `R#${account}` }, sk: { S: `Q#${quarter}` } },
    UpdateExpression: `ADD ${additions.join(", ")}`,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  };
}

function quantityOf(line) {
  return (line.input_tokens ?? 0) + (line.cached_input_tokens ?? 0) + (line.output_tokens ?? 0);
}
