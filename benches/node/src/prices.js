// The price of lines in whole milli-Sparks: BigInt throughout, rounded up once.

import { Problem } from "./http.js";

// Pico-dollars for a million tokens, by class. One model is enough here; `record-usage` searches hundreds.
const MODELS = {
  "gpt-5": {
    input_tokens: 1_250_000_000_000n,
    cached_input_tokens: 125_000_000_000n,
    output_tokens: 10_000_000_000_000n,
  },
};

const PICO = 1_000_000_000_000n;
const MARGIN_BASIS_POINTS = 12_000n;
// A Spark is $0.00004.
const SPARK_PICO_DOLLARS = 40_000_000n;
// 1,000 tokens without a model are 100 Sparks.
const FLAT_MILLI = 100n;

export function price(usage) {
  const lines = usage.map((line) => (line.model ? byModel(line) : flat(line)));
  const total = lines.reduce((sum, line) => sum + line.milli, 0);
  return { lines, total };
}

function flat(line) {
  const tokens = count(line.input_tokens) + count(line.output_tokens) + count(line.cached_input_tokens);
  return { line, milli: Number(tokens * FLAT_MILLI), dollars: null };
}

function byModel(line) {
  const prices = MODELS[line.model];
  if (!prices) throw new Problem(422, "unknown_model");
  let cost = 0n;
  for (const [name, unit] of Object.entries(prices)) cost += count(line[name]) * unit;
  // Millionths of a pico-dollar; up to a whole milli-Spark.
  const divisor = 1_000_000n * SPARK_PICO_DOLLARS * 10_000n;
  const scaled = cost * MARGIN_BASIS_POINTS * 1_000n;
  const milli = Number((scaled + divisor - 1n) / divisor);
  return { line, milli, dollars: dollars(cost / 1_000_000n) };
}

function count(value = 0) {
  if (!Number.isInteger(value) || value < 0) throw new Problem(422, "invalid_quantity");
  return BigInt(value);
}

function dollars(pico) {
  const fraction = `${pico % PICO}`.padStart(12, "0").replace(/0+$/, "");
  return fraction ? `${pico / PICO}.${fraction}` : `${pico / PICO}`;
}

export function spark(milli) {
  return `${Math.trunc(milli / 1000)}.${`${milli % 1000}`.padStart(3, "0")}`;
}
