// Records a usage with the types that openapi-typescript makes and the client openapi-fetch; see ../clients.py.

import { readFileSync } from 'node:fs';
import createClient from 'openapi-fetch';
import type { components, paths } from './openapi';

type Schemas = components['schemas'];

interface Task {
  api: string;
  token: string;
  key: string;
  failing: string[];
}

const usage: Schemas['UsageRequest'] = {
  member_id: 'u_7',
  usage: [
    {
      meter: 'ai_tokens',
      model: 'claude-sonnet-4-5',
      input_tokens: 1009,
      cached_input_tokens: 2003,
      cache_write_tokens: 307,
      output_tokens: 401,
      reasoning_tokens: 53,
    },
    { meter: 'compute', milliseconds: 1500 },
    { meter: 'storage', gigabyte_hours: '0.25' },
  ],
  trace: {
    name: 'chat',
    session_id: 's_1',
    tags: ['proof'],
    metadata: { feature: 'assistant' },
    input: 'What is a Spark?',
    output: 'A credit.',
  },
};

const { api, token, key, failing }: Task = JSON.parse(readFileSync(0, 'utf8'));

function record(baseUrl: string) {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
  return client.POST('/v1/usage', { params: { header: { 'Idempotency-Key': key } }, body: usage });
}

/** Returns a failure's code or message: a problem has a code, an error of API Gateway itself a message. */
function said(error: Schemas['Failure'] | Schemas['InsufficientSparks']) {
  return 'code' in error ? { code: error.code } : { message: error.message };
}

const receipts = [];
const replayed = [];
for (let time = 0; time < 2; time += 1) {
  const { data, response } = await record(api);
  receipts.push(data && { usage_id: data.usage_id, sparks: data.sparks, available: data.balance.available });
  replayed.push(response.headers.get('Idempotent-Replayed'));
}
const failures = [];
for (const base of failing) {
  const { error, response } = await record(base);
  failures.push({ status: response.status, ...(error && said(error)) });
}
console.log(JSON.stringify({ receipts, replayed, failures }));
