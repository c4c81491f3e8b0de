// A usage as an OTLP export for Langfuse: the span that `record-usage` sends.

export function exportOf(entry, body, stage) {
  const trace = body.trace ?? {};
  const name = trace.name ?? "usage";
  const nanoseconds = `${entry.occurredAt}000000`;
  const attributes = [
    attribute("langfuse.trace.name", name),
    attribute("langfuse.user.id", body.member_id ?? entry.account),
    attribute("langfuse.environment", stage),
    attribute("langfuse.observation.type", "generation"),
    attribute("langfuse.observation.metadata.sparks", `${entry.milli / 1000}`),
    attribute("langfuse.observation.metadata.usage_id", entry.id),
    attribute("langfuse.observation.metadata.account", entry.account),
    attribute("langfuse.observation.metadata.price_version", entry.priceVersion),
    attribute("langfuse.observation.metadata.lines", JSON.stringify(entry.lines)),
    attribute("langfuse.observation.usage_details", JSON.stringify(tokensOf(entry.lines))),
  ];
  const model = entry.lines[0].model;
  if (model) attributes.push(attribute("langfuse.observation.model.name", model));
  if (trace.session_id) attributes.push(attribute("langfuse.session.id", trace.session_id));
  if (trace.input) attributes.push(attribute("langfuse.observation.input", trace.input));
  if (trace.output) attributes.push(attribute("langfuse.observation.output", trace.output));
  if (trace.tags) {
    const values = trace.tags.map((tag) => ({ stringValue: tag }));
    attributes.push({ key: "langfuse.trace.tags", value: { arrayValue: { values } } });
  }
  for (const [key, value] of Object.entries(trace.metadata ?? {})) {
    attributes.push(attribute(`langfuse.trace.metadata.${key}`, value));
  }
  const span = {
    traceId: entry.traceId,
    spanId: entry.spanId,
    name,
    kind: 1,
    startTimeUnixNano: nanoseconds,
    endTimeUnixNano: nanoseconds,
    attributes,
    status: { code: 1 },
  };
  const resource = { attributes: [attribute("service.name", "sparks"), attribute("service.version", "0.0.0")] };
  const scope = { name: "sparks", version: "0.0.0" };
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans: [span] }] }] });
}

function attribute(key, value) {
  return { key, value: { stringValue: value } };
}

function tokensOf(lines) {
  const sum = (name) => lines.reduce((total, line) => total + (line[name] ?? 0), 0);
  const input = sum("input_tokens");
  const cached = sum("cached_input_tokens");
  const output = sum("output_tokens");
  return { input, input_cached_tokens: cached, output, total: input + cached + output };
}
