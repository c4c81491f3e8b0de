// The first flow: from the form to the receipt.

import assert from 'node:assert/strict';
import type { Page, Route } from 'playwright-core';
import { MODELS } from '../src/screens/use/form';
import { as, post, read } from './stack';
import { story, type Visitor } from './visitor';

// 1,000 input tokens at $1.25 per million, 200 cached at $0.125, 300 output at $10, all times 1.2; and 1.5 s.
const COST = '129.5';
const LEFT = '9,870.5';

interface Ledger {
  entries: { id: string; kind: string; amount: string }[];
}

/** Returns the usage entries of the account's ledger. */
async function usages({ stack, account }: Visitor): Promise<Ledger['entries']> {
  const { entries } = await read<Ledger>(`${stack.api}/v1/ledger`, { headers: await as(stack, account) });
  return entries.filter((entry) => entry.kind === 'usage');
}

const receipt = (page: Page) => page.getByRole('region', { name: 'Receipt' });
const record = (page: Page) => page.getByRole('button', { name: 'Record it' }).click();

/** Collects the keys with which the page sends usage. */
function keysOf(page: Page): Set<string | undefined> {
  const keys = new Set<string | undefined>();
  page.on('request', (request) => {
    if (request.url().endsWith('/v1/usage')) {
      keys.add(request.headers()['idempotency-key']);
    }
  });
  return keys;
}

/** Records a usage that takes effect, but whose response the page never gets. */
async function recordUnheard(page: Page): Promise<void> {
  const lose = async (route: Route) => {
    await route.fetch();
    await route.abort();
  };
  await page.route('**/v1/usage', lose, { times: 1 });
  await record(page);
  await page.getByRole('alert').getByText('No response').waitFor();
}

/** The picture in docs/page.md shows this one. */
const PICTURE = { viewport: { width: 1000, height: 660 } };

story(
  'a usage is estimated, recorded with a receipt, and delivered to Langfuse and Stripe',
  PICTURE,
  async (visitor) => {
    const { stack, page, open, picture } = visitor;
    await open('/use');
    await page.getByRole('region', { name: 'Estimate' }).getByText(`${COST} Sparks`).waitFor();
    assert.deepEqual(await usages(visitor), [], 'an estimate records nothing');

    await record(page);

    await receipt(page).getByText(`${COST} Sparks`).waitFor();
    await page.locator('.available', { hasText: `${LEFT} Sparks` }).waitFor();
    const text = await receipt(page).innerText();
    assert.match(text, /Tokens, gpt-5\s+128\.250/);
    assert.match(text, /Compute\s+1\.250/);
    assert.match(text, /\d{4}-\d\d-\d\d\.[0-9a-f]{8}/, 'the version of the prices');
    assert.equal(await receipt(page).locator('.status.confirmed').count(), 2);
    const trace = /trace ([0-9a-f]{32})/.exec(text)?.[1];
    const event = /event (use_[0-9a-f]{32})/.exec(text)?.[1];
    const { spans } = await read<{ spans: { trace_id: string }[] }>(`${stack.langfuse}/_local/state`);
    assert.ok(spans.some((span) => span.trace_id === trace));
    type Event = { identifier: string; payload: { value: string } };
    const { meter_events } = await read<{ meter_events: Event[] }>(`${stack.stripe}/_local/state`);
    assert.deepEqual(
      meter_events.filter(({ identifier }) => identifier === event).map(({ payload }) => payload.value),
      ['129500'],
    );
    await picture('receipt');
  },
);

story('a change clears the old price and its warning about the balance', {}, async ({ page, open }) => {
  const estimate = page.getByRole('region', { name: 'Estimate' });
  await open('/use');
  await page.getByLabel('Output tokens').fill('1000000');
  await page.getByText('That is more than you have.').waitFor();
  // This one never gets a response.
  await page.route('**/v1/estimate', () => {});
  await page.getByLabel('Output tokens').fill('0');
  await page.getByText('Getting the price…').waitFor();
  assert.equal(await estimate.count(), 0);
  assert.equal(await page.getByText('That is more than you have.').count(), 0);
});

story('every suggested model has a price, and so does no model', {}, async ({ page, open }) => {
  await open('/use');
  for (const model of [...MODELS, '']) {
    const asked = page.waitForResponse('**/v1/estimate');
    await page.getByLabel('Model').fill(`${model} `);
    await page.getByLabel('Model').fill(model);
    assert.equal((await asked).status(), 200, model);
  }
});

story(
  'a model without a price is reported, and can be corrected',
  { expected: /status of 422/ },
  async (visitor) => {
    const { page, open } = visitor;
    await open('/use');
    await page.getByLabel('Model').fill('gpt-unheard-of');
    await page.getByText('No estimate: no price for that model.').waitFor();
    await record(page);
    await page.getByRole('alert').getByText('No price for that model').waitFor();

    await page.getByLabel('Model').fill('gpt-5');
    await record(page);

    await receipt(page).getByText(`${COST} Sparks`).waitFor();
    assert.equal((await usages(visitor)).length, 1);
  },
);

story(
  'a usage whose response is lost is charged once, even after a reload',
  { expected: /ERR_FAILED/ },
  async (visitor) => {
    const { page, open } = visitor;
    const keys = keysOf(page);
    await open('/use');
    await recordUnheard(page);
    assert.equal((await usages(visitor)).length, 1);

    await page.reload();
    await page.getByText('Unfinished action').waitFor();
    await record(page);

    await receipt(page).getByText('were charged only once').waitFor();
    await page.locator('.available', { hasText: LEFT }).waitFor();
    assert.equal((await usages(visitor)).length, 1);
    assert.equal(keys.size, 1, 'the key survives the reload');
  },
);

story(
  'after a lost response, a refused retry keeps its key',
  { expected: /ERR_FAILED|status of 4/ },
  async (visitor) => {
    const { page, open } = visitor;
    const keys = keysOf(page);
    await open('/use');
    await recordUnheard(page);
    const alert = page.getByRole('alert');
    let refusal = { status: 0, title: '', body: {} };
    await page.route('**/v1/usage', (route) => route.fulfill({ status: refusal.status, json: refusal.body }));
    const forbidden = { status: 403, code: 'account_forbidden', title: '', detail: '', request_id: 'r-1' };
    for (refusal of [
      { status: 401, title: 'Your session has ended', body: { message: 'Unauthorized' } },
      { status: 403, title: 'Not your account', body: forbidden },
      { status: 404, title: 'Not found', body: { message: 'Not Found' } },
      { status: 413, title: 'Request too large', body: { message: 'Request Entity Too Large' } },
      { status: 429, title: 'Too many requests', body: { message: 'Too Many Requests' } },
    ]) {
      await alert.getByRole('button', { name: 'Try again' }).click();
      await alert.getByText(refusal.title).waitFor();
      await alert.getByText('it may already have been charged').waitFor();
    }
    await page.unroute('**/v1/usage');

    await alert.getByRole('button', { name: 'Try again' }).click();

    await receipt(page).getByText('were charged only once').waitFor();
    assert.equal((await usages(visitor)).length, 1);
    assert.equal(keys.size, 1);
  },
);

story('after a 503 the same key is sent again', { expected: /status of 503/ }, async (visitor) => {
  const { page, open } = visitor;
  const keys = keysOf(page);
  await open('/use');
  const unavailable = async (route: Route) => {
    await route.fetch();
    await route.fulfill({ status: 503, json: { message: 'Service Unavailable' } });
  };
  await page.route('**/v1/usage', unavailable, { times: 1 });
  await record(page);
  await page.getByRole('alert').getByText('Not available right now').waitFor();

  await page.getByRole('button', { name: 'Try again' }).click();

  await receipt(page).getByText('were charged only once').waitFor();
  assert.equal((await usages(visitor)).length, 1);
  assert.equal(keys.size, 1);
});

story('a double click charges once', {}, async (visitor) => {
  const { page, open } = visitor;
  const keys = keysOf(page);
  await open('/use');
  await page.getByRole('button', { name: 'Record it' }).dblclick();
  await receipt(page).getByText(`${LEFT} are left.`).waitFor();
  assert.equal((await usages(visitor)).length, 1);
  assert.equal(keys.size, 1);
});

story(
  'a token that expires is renewed, and the key stays the same',
  { expected: /status of 401/ },
  async (visitor) => {
    const { stack, account, page, open } = visitor;
    const keys = keysOf(page);
    await open('/use');
    const { token } = await post<{ token: string }>(`${stack.api}/_local/token`, { account, age_s: 3600 });
    const expire = (route: Route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: `Bearer ${token}` } });
    await page.route('**/v1/usage', expire, { times: 1 });
    const refused = page.waitForResponse((answer) => answer.status() === 401);
    await record(page);
    await refused;
    await receipt(page).getByText(`${LEFT} are left.`).waitFor();
    assert.equal((await usages(visitor)).length, 1);
    assert.equal(keys.size, 1);
  },
);

story('a late response is not taken for that of a later action', {}, async (visitor) => {
  const { page, open } = visitor;
  await open('/use');
  let release = () => {};
  const released = new Promise<void>((done) => {
    release = done;
  });
  const hold = async (route: Route) => {
    await released;
    await route.continue();
  };
  await page.route('**/v1/usage', hold, { times: 1 });
  await record(page);
  await page.getByText('Recording…').waitFor();
  await page.getByRole('link', { name: 'Ledger', exact: true }).click();
  await page.getByRole('link', { name: 'Use Sparks', exact: true }).click();
  await page.getByText('it may already have been charged').waitFor();
  await page.getByRole('button', { name: 'Discard it' }).click();
  await page.getByLabel('Output tokens').fill('0');
  await record(page);
  await receipt(page).getByText('9,960.5 are left.').waitFor();

  release();
  await page.locator('.available', { hasText: '9,831 Sparks' }).waitFor();
  await page.reload();

  await receipt(page).getByText('39.5 Sparks').waitFor();
  assert.equal((await usages(visitor)).length, 2);
});

story('a receipt is shown again after a reload, and the next action has a new key', {}, async (visitor) => {
  const { page, open } = visitor;
  await open('/use');
  await record(page);
  await receipt(page).waitFor();
  await page.reload();
  await receipt(page).getByText('were charged only once').waitFor();
  assert.equal((await usages(visitor)).length, 1);

  await page.getByRole('button', { name: 'Record another' }).click();
  await record(page);

  await receipt(page).getByText('9,741 are left.').waitFor();
  assert.equal((await usages(visitor)).length, 2);
});

story(
  'too few Sparks lead to a pack, and back to the same action',
  { expected: /status of 402/ },
  async (visitor) => {
    const { page, open, picture } = visitor;
    await open('/use');
    await page.getByLabel('Output tokens').fill('1000000');
    await page.getByText('That is more than you have.').waitFor();
    const refused = page.waitForRequest('**/v1/usage');
    await record(page);
    const alert = page.getByRole('alert');
    await alert.getByText('Not enough Sparks').waitFor();
    await alert.getByText('This costs 300,039.5 Sparks, and you have 10,000.').waitFor();
    await picture('insufficient');
    assert.equal(await alert.getByRole('button', { name: '125,000' }).count(), 0, 'a pack that is too small');

    await alert.getByRole('button', { name: '500,000 Sparks, $20.00' }).click();
    await page.getByRole('button', { name: 'Pay', exact: true }).click();
    await page.getByText('Paid, thank you').waitFor();
    await page.getByRole('link', { name: 'Continue' }).click();
    const accepted = page.waitForRequest('**/v1/usage');
    await record(page);

    await receipt(page).getByText('300,039.5 Sparks').waitFor();
    await receipt(page).getByText('209,960.5 are left.').waitFor();
    const key = async (request: typeof refused) => (await request).headers()['idempotency-key'];
    assert.equal(await key(refused), await key(accepted));
  },
);

story('everything can be done with the keyboard alone', {}, async ({ page, open }) => {
  await open('/use');
  await page.getByRole('region', { name: 'Estimate' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.locator(':focus').innerText(), 'Skip to content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.locator(':focus').getAttribute('id'), 'model');
  await page.keyboard.press('Enter');
  await receipt(page).waitFor();
});

story(
  'a refresh shows what another page of the app has recorded',
  {},
  async ({ stack, account, page, open }) => {
    await open('/use');
    await record(page);
    await receipt(page).getByText(`${LEFT} are left.`).waitFor();
    const headers = { ...(await as(stack, account)), 'Idempotency-Key': 'elsewhere' };
    await post(`${stack.api}/v1/usage`, { usage: [{ meter: 'compute', milliseconds: 600 }] }, headers);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await receipt(page).getByText('9,870 are left.').waitFor();
  },
);
