// A client of Lambda's Runtime API over one connection. It does less than AWS's runtime, which favours Node.js.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { Agent, request } from "node:http";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const base = "/2018-06-01/runtime/invocation";
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

export async function run(handle) {
  for (;;) {
    const next = await call("GET", "/next");
    const id = next.headers["lambda-runtime-aws-request-id"];
    const answered = await handle(JSON.parse(next.body));
    await call("POST", `/${id}/response`, JSON.stringify(answered));
  }
}

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-type": "application/json", "content-length": Buffer.byteLength(body) } : {};
    const sent = request({ host, port, path: base + path, method, headers, agent }, (reply) => {
      const chunks = [];
      reply.on("data", (chunk) => chunks.push(chunk));
      reply.on("end", () => resolve({ headers: reply.headers, body: Buffer.concat(chunks).toString() }));
      reply.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
