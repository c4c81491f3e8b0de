// Failures, and the messages that the page shows for them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { post, ROOT } from './stack';
import { story } from './visitor';

const alert = (page: Page) => page.getByRole('alert');
const balance = (page: Page) => page.getByRole('region', { name: 'Available' });

/** The page times out after 35 seconds. */
const HANGING_LIMIT_MS = 60_000;

/** Makes the local gateway issue expired tokens the first `times` times. The result counts its requests. */
async function expireTokens(page: Page, api: string, account: string, times: number): Promise<() => number> {
  let asked = 0;
  await page.route('**/_local/token', async (route) => {
    asked += 1;
    const age_s = asked <= times ? 3600 : 0;
    await route.fulfill({ json: await post(`${api}/_local/token`, { account, age_s }) });
  });
  return () => asked;
}

story('an expired token is renewed without an alert', { expected: /status of 401/ }, async (visitor) => {
  const { stack, account, page, open } = visitor;
  const asked = await expireTokens(page, stack.api, account, 1);
  const refused = page.waitForResponse((answer) => answer.status() === 401);
  await open('/');
  await balance(page).getByText('10,000 Sparks').waitFor();
  await refused;
  assert.equal(await alert(page).count(), 0);
  assert.equal(asked(), 2);
});

story(
  'the page asks to sign in again if a token cannot be renewed',
  { expected: /status of 401/ },
  async (visitor) => {
    const { stack, account, page, open, picture } = visitor;
    await expireTokens(page, stack.api, account, 1000);
    await open('/');
    await alert(page).getByText('Your session has ended').waitFor();
    await picture('session-ended');
    await page.unroute('**/_local/token');
    await alert(page).getByRole('button', { name: 'Try again' }).click();
    await balance(page).getByText('10,000 Sparks').waitFor();
  },
);

story(
  'with the API down the page still opens, says so, and recovers',
  { expected: /ERR_FAILED/ },
  async (visitor) => {
    const { page, open, picture } = visitor;
    await page.route(/\/(v1|_local)\//, (route) => route.abort());
    await open('/use');
    await page.getByText('No estimate: no response.').waitFor();
    await page.getByRole('button', { name: 'Record it' }).click();
    await alert(page).getByText('No response').waitFor();
    for (const [path, heading] of [
      ['/ledger', 'Ledger'],
      ['/usage', 'Usage'],
      ['/buy', 'Buy'],
      ['/account', 'Plan'],
      ['/paid?session_id=cs_test_1', 'Payment'],
      ['/', 'Balance'],
    ] as const) {
      await open(path);
      await page.getByRole('heading', { name: heading, exact: true }).waitFor();
      await alert(page).getByText('No response').waitFor();
    }
    await picture('api-down');
    await page.unroute(/\/(v1|_local)\//);
    await alert(page).getByRole('button', { name: 'Try again' }).click();
    await balance(page).getByText('10,000 Sparks').waitFor();
    assert.equal(await alert(page).count(), 0);
  },
);

story('a hanging API times out, and so does a hanging token issuer', {}, async (visitor) => {
  const { page, context, open } = visitor;
  const other = await context.newPage();
  await page.route('**/_local/token', () => {});
  await other.route('**/v1/**', () => {});
  const tabs = [page, other];
  await Promise.all(tabs.map((tab) => open('/', tab)));
  const given_up = (tab: Page) => alert(tab).getByText('No response').waitFor({ timeout: HANGING_LIMIT_MS });
  await Promise.all(tabs.map(given_up));
  await Promise.all(tabs.map((tab) => tab.unrouteAll()));
  await Promise.all(tabs.map((tab) => alert(tab).getByRole('button', { name: 'Try again' }).click()));
  await Promise.all(tabs.map((tab) => balance(tab).getByText('10,000 Sparks').waitFor()));
});

story(
  'without JavaScript the page says what it needs',
  { javaScriptEnabled: false },
  async ({ page, open }) => {
    await open('/');
    // `getByText` does not find text in a `noscript`.
    assert.equal(await page.locator('noscript').innerText(), 'This page needs JavaScript.');
    assert.ok(await page.locator('noscript').isVisible());
  },
);

/** The codes of the contract, as openapi.yaml lists them. */
function codes(): string[] {
  const contract = readFileSync(resolve(ROOT, 'openapi.yaml'), 'utf8');
  const list = /\n {4}ProblemCode:\n[\s\S]*?\n {6}enum:\n((?: {8}- \w+\n)+)/.exec(contract)?.[1] ?? '';
  return [...list.matchAll(/- (\w+)/g)].map(([, code]) => code ?? '');
}

story(
  'each problem code of the contract has its own message',
  { expected: /status of 4/ },
  async ({ page, open }) => {
    const all = codes();
    assert.ok(all.includes('insufficient_sparks') && all.length >= 28, all.join());
    let next = '';
    await page.route('**/v1/balance', (route) =>
      route.fulfill({
        status: 422,
        contentType: 'application/problem+json',
        json: {
          type: 'about:blank',
          title: 'Unprocessable Content',
          status: 422,
          detail: `Of ${next}.`,
          code: next,
          request_id: 'r-1',
        },
      }),
    );
    next = all[0] ?? '';
    await open('/');
    for (const code of [...all, 'a_new_one']) {
      next = code;
      await alert(page).getByRole('button', { name: 'Try again' }).click();
      await alert(page).getByText(`Of ${code}.`).waitFor();
      await alert(page).getByText('Request r-1').waitFor();
      const title = await alert(page).getByRole('heading').innerText();
      assert.equal(title === 'That did not work', code === 'a_new_one', code);
    }
  },
);

story(
  'each refusal by API Gateway has its own message',
  { expected: /status of [45]/ },
  async ({ page, open }) => {
    let status = 429;
    await page.route('**/v1/balance', (route) =>
      route.fulfill({ status, json: { message: 'In its own words' } }),
    );
    await open('/');
    for (const [next, title] of [
      [429, 'Too many requests'],
      [404, 'Not found'],
      [413, 'Request too large'],
      [500, 'Something went wrong on our side'],
      [503, 'Not available right now'],
    ] as const) {
      status = next;
      await alert(page).getByRole('button', { name: 'Try again' }).click();
      await alert(page).getByRole('heading', { name: title }).waitFor();
    }
  },
);
