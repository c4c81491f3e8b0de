// The third flow: subscribe, visit Stripe's portal, return, and see the new status.

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { fault } from './stack';
import { story } from './visitor';

const plan = (page: Page) => page.getByRole('region', { name: 'Plan' });

async function subscribe(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Subscribe to Plus' }).click();
  await page.waitForURL(/\/c\/pay\//);
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
  await page.getByText('Paid, thank you').waitFor();
}

story('a plan is bought, cancelled in the portal, and resumed there', {}, async ({ page, open, picture }) => {
  await open('/account');
  await plan(page).getByText('No plan').waitFor();
  await page.getByRole('link', { name: 'See the plans' }).click();
  await subscribe(page);
  await page.locator('.available', { hasText: '510,000 Sparks' }).waitFor();
  await page.getByRole('link', { name: 'Plan', exact: true }).click();
  await plan(page).getByText('It renews on').waitFor();
  await picture('plan');

  await plan(page).getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(/\/p\/session\//);
  await page.getByRole('button', { name: 'Cancel plan' }).click();
  await plan(page).getByText('It ends on').waitFor();
  assert.equal(await plan(page).getByRole('button', { name: 'Cancel' }).count(), 0);

  await plan(page).getByRole('button', { name: 'Manage at Stripe' }).click();
  await page.waitForURL(/\/p\/session\//);
  await page.getByRole('button', { name: 'Do not cancel' }).click();
  await page.getByRole('link', { name: 'Back' }).click();
  await plan(page).getByText('It renews on').waitFor();
});

story('a plan is not bought twice', {}, async ({ context, page, open }) => {
  const offer = (tab: Page) => tab.getByRole('button', { name: 'Subscribe to Plus' });
  const other = await context.newPage();
  await open('/buy', other);
  await offer(other).waitFor();
  await open('/buy');
  await subscribe(page);

  await open('/buy');
  await page.getByRole('link', { name: 'Change it' }).waitFor();
  assert.equal(await offer(page).count(), 0);
  // The other tab still offers it.
  await offer(other).click();
  await plan(other).getByText('It renews on').waitFor();
  assert.equal(new URL(other.url()).pathname, '/account');
});

story('if Stripe does not respond, the last known plan is shown', {}, async ({ stack, page, open }) => {
  await open('/buy');
  await subscribe(page);
  await open('/account');
  await plan(page).getByText('It renews on').waitFor();
  await fault(stack.stripe, '/v1/subscriptions', 'status:503');
  await page.getByRole('button', { name: 'Refresh' }).click();
  await plan(page).getByText('Stripe does not respond. This is the status as of').waitFor();
});
