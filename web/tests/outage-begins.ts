// Langfuse is down while the app is used: a proxy in front of it returns 404. The outbox sends the trace later. It
// waits a while before it picks up a new usage, so this story ends in `outage-ends`, after all others.

import assert from 'node:assert/strict';
import { fault } from './stack';
import { story } from './visitor';

export const ACCOUNT = 'acct_outage';

/** The action of that tab, as the page stores it. */
export const kept = { place: `sparks.action.${ACCOUNT}`, action: '' };

story(
  'with Langfuse down a usage is recorded, and its trace is pending',
  { account: ACCOUNT },
  async (visitor) => {
    const { stack, page, open, picture } = visitor;
    await fault(stack.langfuse, '/', 'status:404');
    await open('/use');
    await page.getByRole('button', { name: 'Record it' }).click();

    const receipt = page.getByRole('region', { name: 'Receipt' });
    await receipt.getByText('9,870.5 are left.').waitFor();
    assert.equal(await receipt.locator('.status.pending').count(), 1, 'Langfuse');
    assert.equal(await receipt.locator('.status.confirmed').count(), 1, 'Stripe');
    await picture('langfuse-down');
    await receipt.getByRole('button', { name: 'Refresh' }).click();
    await receipt.getByText('were charged only once').waitFor();
    await receipt.getByText('9,870.5 are left.').waitFor();
    kept.action = (await page.evaluate((place) => sessionStorage.getItem(place), kept.place)) ?? '';
  },
);
