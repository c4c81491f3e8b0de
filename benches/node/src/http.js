// Reads a request from an API Gateway event, and writes its response.

// A problem with a request, as in RFC 9457.
export class Problem extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export function parse(event) {
  const account = event.requestContext?.authorizer?.jwt?.claims?.sub;
  if (!/^[!"$-~]{1,128}$/.test(account ?? "")) throw new Problem(403, "account_invalid");
  const key = event.headers["idempotency-key"];
  if (!key) throw new Problem(400, "idempotency_key_required");
  const text = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body;
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Problem(400, "invalid_json");
  }
  if (!Array.isArray(body.usage) || body.usage.length === 0) throw new Problem(422, "invalid_request");
  return { account, key, body };
}

export function answer(statusCode, body, type = "application/json") {
  return { statusCode, headers: { "content-type": type }, body: JSON.stringify(body), isBase64Encoded: false };
}

export function asProblem(error) {
  if (error instanceof Problem) {
    return answer(error.status, { status: error.status, code: error.code }, "application/problem+json");
  }
  process.stderr.write(`${error.stack}\n`);
  return answer(500, { status: 500, code: "internal" }, "application/problem+json");
}
