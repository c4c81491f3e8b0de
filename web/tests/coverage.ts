// Checks that the stories make the page itself call the API.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { called } from './visitor';

test('the stories made the page call every route that it uses', () => {
  assert.deepEqual([...called].sort(), [
    'GET /v1/balance',
    'GET /v1/catalog',
    'GET /v1/ledger',
    'GET /v1/subscription',
    'GET /v1/usage',
    'POST /v1/checkout',
    'POST /v1/checkout/{session_id}/verify',
    'POST /v1/estimate',
    'POST /v1/portal',
    'POST /v1/usage',
  ]);
});
