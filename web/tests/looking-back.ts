// The usage history and the ledger.

import assert from 'node:assert/strict';
import { as, post, type Stack } from './stack';
import { story } from './visitor';

const DAY_MS = 24 * 60 * 60 * 1000;
const MODELS = ['gpt-5', 'claude-sonnet-4-5', 'gemini-2.5-pro'];

/** Records a number of usages, on several days and of several models. */
async function use(stack: Stack, account: string, count: number): Promise<void> {
  const items = Array.from({ length: count }, (_, number) => ({
    idempotency_key: `use-${number}`,
    occurred_at: new Date(Date.now() - (number % 12) * DAY_MS).toISOString(),
    usage: [
      {
        meter: 'ai_tokens',
        model: MODELS[number % MODELS.length],
        input_tokens: 900 + 150 * ((number * 7) % 11),
        output_tokens: 200 + 40 * (number % 5),
      },
      { meter: 'compute', milliseconds: 30_000 + 6_000 * (number % 4) },
    ],
  }));
  await post(`${stack.api}/v1/usage/batch`, { items }, await as(stack, account));
}

story(
  'usage is shown as a chart by model and by kind, and as a table',
  {},
  async ({ stack, account, page, open, picture }) => {
    // The first request creates the account, with its free Sparks.
    await open('/');
    await page.getByText('Free each month').waitFor();
    await use(stack, account, 40);
    await open('/usage');
    await page.getByRole('img', { name: /gpt-5/ }).waitFor();
    const coloured = () =>
      page.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
        const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        return new Set(
          Array.from({ length: pixels.length / 4 }, (_, pixel) =>
            pixels.slice(4 * pixel, 4 * pixel + 3).join(),
          ),
        ).size;
      });
    assert.ok((await coloured()) > MODELS.length, 'the bars are drawn');
    await picture('usage');
    await page.getByText('Show as a table').click();
    await page.getByRole('cell', { name: 'claude-sonnet-4-5' }).first().waitFor();
    const total = await page.getByText(/Sparks in 30 days/).innerText();

    await page.getByLabel('kind').check();
    await page.getByRole('img', { name: /Compute/ }).waitFor();
    await page.getByRole('cell', { name: 'Tokens', exact: true }).first().waitFor();
    assert.equal(await page.getByText(/Sparks in 30 days/).innerText(), total, 'the totals are equal');
    await page.getByLabel('Days').selectOption('7');
    await page.getByText('in 7 days.').waitFor();
  },
);

story('the ledger can be paged back and forth', {}, async ({ stack, account, page, open, picture }) => {
  await open('/');
  await page.getByText('Free each month').waitFor();
  await use(stack, account, 45);
  await open('/ledger');
  const rows = page.locator('tbody tr');
  const shows = (number: number) =>
    page.waitForFunction((wanted) => document.querySelectorAll('tbody tr').length === wanted, number);
  await shows(20);
  await picture('ledger');
  const newest = await rows.first().locator('.id').innerText();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByText('Page 2').waitFor();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByText('Free each month').waitFor();
  await shows(6);
  assert.ok(await page.getByRole('button', { name: 'Older' }).isDisabled());
  await page.getByRole('button', { name: 'Newer' }).click();
  await shows(20);
  await page.getByRole('button', { name: 'Newer' }).click();
  await page.getByText('Page 1').waitFor();
  await page
    .getByText(newest.split('\n')[0] ?? '')
    .first()
    .waitFor();
  assert.ok(await page.getByRole('button', { name: 'Newer' }).isDisabled());
});

story(
  'a ledger page that cannot be read shows no other page instead',
  { expected: /ERR_FAILED/ },
  async ({ stack, account, page, open }) => {
    await open('/');
    await page.getByText('Free each month').waitFor();
    await use(stack, account, 21);
    await open('/ledger');
    await page.locator('tbody tr').nth(19).waitFor();
    await page.route(/\/v1\/ledger/, (route) => route.abort());
    await page.getByRole('button', { name: 'Older' }).click();
    await page.getByText('Page 2').waitFor();
    await page.getByRole('alert').getByText('No response').waitFor();
    assert.equal(await page.locator('tbody tr').count(), 0);
    await page.unroute(/\/v1\/ledger/);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Free each month').waitFor();
    assert.equal(await page.locator('tbody tr').count(), 2);
  },
);
