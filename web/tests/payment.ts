// The second flow: order, pay at Stripe, return, verify, confirm.

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { as, post, read } from './stack';
import { story, type Visitor } from './visitor';

const PACK = 'Buy 500,000 Sparks';

const buy = (page: Page, what = PACK) => page.getByRole('button', { name: what }).click();
const atStripe = (page: Page) => page.waitForURL(/\/c\/pay\/cs_test_/);
const pay = (page: Page) => page.getByRole('button', { name: 'Pay', exact: true }).click();

/** Returns the number of times the account was credited for a pack. */
async function credits({ stack, account }: Visitor): Promise<number> {
  type Ledger = { entries: { kind: string; source?: string }[] };
  const { entries } = await read<Ledger>(`${stack.api}/v1/ledger`, { headers: await as(stack, account) });
  return entries.filter((entry) => entry.kind === 'credit' && entry.source === 'pack').length;
}

story('a pack is bought, paid at Stripe, verified and confirmed', {}, async (visitor) => {
  const { page, open, picture } = visitor;
  await open('/buy');
  await page.getByText('$20.00', { exact: true }).waitFor();
  await picture('buy');
  await buy(page);
  await atStripe(page);
  await pay(page);
  await page.getByText('Paid, thank you').waitFor();
  await page.getByText('500,000 Sparks were credited. You now have 510,000.').waitFor();
  await page.locator('.available', { hasText: '510,000 Sparks' }).waitFor();
  await picture('paid');

  await page.getByRole('link', { name: 'Go to your balance' }).click();
  const grants = page.getByRole('table');
  await grants.getByRole('row', { name: 'Bought 500,000.000 never' }).waitFor();
  await grants.getByRole('row', { name: /Free each month 10,000\.000 .* in .*/ }).waitFor();
  await picture('balance');
  await page.goBack();
  await page.getByText('500,000 Sparks were credited.').waitFor();
  assert.equal(await credits(visitor), 1, 'verifying again credits nothing');
});

story('several packs are one order', {}, async ({ page, open }) => {
  await open('/buy');
  const pack = page
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name: '125,000 Sparks' }) });
  const quantity = pack.getByLabel('Quantity');
  await quantity.fill('');
  assert.equal(await quantity.inputValue(), '', 'an emptied field stays empty');
  await quantity.fill('3');
  await pack.getByRole('button').click();
  await atStripe(page);
  await page.getByText('15.00 USD').first().waitFor();
  await pay(page);
  await page.getByText('375,000 Sparks were credited.').waitFor();
});

story('a declined card buys nothing, and the same page stays open', {}, async (visitor) => {
  const { page, open } = visitor;
  await open('/buy');
  await buy(page);
  await atStripe(page);
  const first = page.url();
  await page.getByLabel('Card number').fill('4000 0000 0000 0002');
  await pay(page);
  await page.getByRole('alert').waitFor();
  const session = first.split('/').at(-1) ?? '';
  await open(`/paid?session_id=${session}`);
  await page.getByText('Not paid yet').waitFor();
  assert.equal(await credits(visitor), 0);

  await page.getByRole('link', { name: 'Back to the store' }).click();
  await buy(page);
  await atStripe(page);
  assert.equal(page.url(), first, 'the order continues on the same page');
  await pay(page);
  await page.getByText('Paid, thank you').waitFor();
  assert.equal(await credits(visitor), 1);
});

story('leaving without paying returns to the store', {}, async (visitor) => {
  const { page, open } = visitor;
  await open('/buy');
  await buy(page);
  await atStripe(page);
  await page.getByRole('link', { name: 'Back without paying' }).click();
  await page.getByRole('heading', { name: 'Buy', exact: true }).waitFor();
  await page.getByRole('button', { name: PACK }).waitFor();
  assert.equal(await credits(visitor), 0);
});

story('two tabs with the same order get the same page, which is credited once', {}, async (visitor) => {
  const { page, context, open } = visitor;
  const other = await context.newPage();
  const tabs = [page, other];
  await Promise.all(tabs.map((tab) => open('/buy', tab)));
  await Promise.all(tabs.map((tab) => tab.getByRole('button', { name: PACK }).waitFor()));
  await Promise.all(tabs.map((tab) => buy(tab)));
  await Promise.all(tabs.map(atStripe));
  assert.equal(page.url(), other.url());
  const session = page.url().split('/').at(-1) ?? '';

  await Promise.all(tabs.map(pay));
  const done = (tab: Page) => tab.getByText(/Paid, thank you|Already paid/).waitFor();
  await Promise.all(tabs.map(done));
  await Promise.all(tabs.map((tab) => open(`/paid?session_id=${session}`, tab)));
  await Promise.all(tabs.map((tab) => tab.getByText('You now have 510,000.').waitFor()));

  assert.equal(await credits(visitor), 1);
});

story('a late tab sees that its order is paid, and the next order is new', {}, async (visitor) => {
  const { page, context, open } = visitor;
  const other = await context.newPage();
  await open('/buy', other);
  await open('/buy');
  await buy(page);
  await atStripe(page);
  const session = page.url().split('/').at(-1) ?? '';
  const paying = { card: '4242424242424242' };
  await post(`${visitor.stack.stripe}/_local/checkout/${session}/pay`, paying);

  await buy(other);
  await other.getByText('500,000 Sparks were credited.').waitFor();

  await open('/buy', other);
  await buy(other);
  await atStripe(other);
  assert.notEqual(other.url().split('/').at(-1), session);
  assert.equal(await credits(visitor), 1);
});

story(
  'a payment mismatch is shown once, and the next click is a new order',
  { expected: /status of 409/ },
  async (visitor) => {
    const { page, open } = visitor;
    await open('/buy');
    await buy(page);
    await atStripe(page);
    const first = page.url();
    const session = first.split('/').at(-1) ?? '';
    // No buyer can change what a page sells, so the API's response is faked here.
    const problem = {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: "The session's currency differs from the order.",
      code: 'payment_mismatch',
      request_id: 'r-1',
    };
    await page.route(`**/v1/checkout/${session}/verify`, (route) =>
      route.fulfill({ status: 409, contentType: 'application/problem+json', json: problem }),
    );
    await open('/buy');
    await buy(page);
    await page.getByRole('alert').getByText('The payment does not match the order').waitFor();

    await open('/buy');
    await buy(page);
    await atStripe(page);
    assert.notEqual(page.url(), first);
    await pay(page);
    await page.getByText('Paid, thank you').waitFor();
    assert.equal(await credits(visitor), 1);
  },
);

story('an order whose response is lost opens the same page', { expected: /ERR_FAILED/ }, async (visitor) => {
  const { page, open } = visitor;
  await open('/buy');
  let opened = '';
  await page.route('**/v1/checkout', async (route) => {
    const answer = await route.fetch();
    opened = ((await answer.json()) as { url: string }).url;
    await route.abort();
  });
  await buy(page);
  await page.getByRole('alert').getByText('No response').waitFor();
  await page.unroute('**/v1/checkout');
  await page.reload();
  await buy(page);
  await atStripe(page);
  assert.equal(page.url(), opened);
});

story('a bank debit is processing until it succeeds', {}, async (visitor) => {
  const { stack, page, open } = visitor;
  await open('/buy');
  await buy(page);
  await atStripe(page);
  const session = page.url().split('/').at(-1) ?? '';
  await page.getByRole('button', { name: 'Pay by delayed bank debit' }).click();
  await page.getByText('Payment processing').waitFor();
  assert.equal(await credits(visitor), 0);
  await post(`${stack.stripe}/_local/checkout/${session}/settle`, { outcome: 'succeeded' });
  await page.getByRole('button', { name: 'Check again' }).click();
  await page.getByText('Paid, thank you').waitFor();
  assert.equal(await credits(visitor), 1);
});

story('after a failed bank debit a new page opens', {}, async (visitor) => {
  const { stack, page, open } = visitor;
  await open('/buy');
  await buy(page);
  await atStripe(page);
  const failed = page.url();
  const session = failed.split('/').at(-1) ?? '';
  await page.getByRole('button', { name: 'Pay by delayed bank debit' }).click();
  await page.getByText('Payment processing').waitFor();
  await post(`${stack.stripe}/_local/checkout/${session}/settle`, { outcome: 'failed' });
  await page.getByRole('button', { name: 'Check again' }).click();
  await page.getByText('Not paid yet').waitFor();

  await page.getByRole('link', { name: 'Back to the store' }).click();
  await buy(page);
  await atStripe(page);
  assert.notEqual(page.url(), failed);
  await pay(page);
  await page.getByText('Paid, thank you').waitFor();
  assert.equal(await credits(visitor), 1);
});

story(
  'an unknown payment, or another account’s, is not confirmed',
  { expected: /status of 404/ },
  async ({ stack, account, page, open }) => {
    await open('/paid');
    await page.getByText('There is no payment to show.').waitFor();
    await open('/paid?session_id=cs_test_unknown');
    await page.getByRole('alert').getByText('No such payment').waitFor();
    const order = { item: 'pack_500k', success_url: `${stack.api}/paid`, cancel_url: `${stack.api}/buy` };
    const theirs = { ...(await as(stack, `${account}_other`)), 'Idempotency-Key': 'theirs' };
    type Opened = { session_id: string };
    const { session_id } = await post<Opened>(`${stack.api}/v1/checkout`, order, theirs);
    await post(`${stack.stripe}/_local/checkout/${session_id}/pay`, { card: '4242424242424242' });
    await open(`/paid?session_id=${session_id}`);
    await page.getByRole('alert').getByText('No such payment').waitFor();
  },
);
