// The outbox delivers what Langfuse missed, and the same receipt then shows it as confirmed.

import assert from 'node:assert/strict';
import { ACCOUNT, kept } from './outage-begins';
import { post, read, until } from './stack';
import { story } from './visitor';

/** The outbox picks up a usage 44 seconds after it was recorded. */
const OUTBOX_LIMIT_MS = 120_000;

const circumstances = { account: ACCOUNT, limit_ms: OUTBOX_LIMIT_MS + 60_000 };
story('the outbox delivers what Langfuse missed', circumstances, async (visitor) => {
  const { stack, page, open } = visitor;
  assert.ok(kept.action, 'the outage came first');
  await page.addInitScript(({ place, action }) => sessionStorage.setItem(place, action), kept);
  await open('/use');
  const receipt = page.getByRole('region', { name: 'Receipt' });
  const trace = /trace ([0-9a-f]{32})/.exec(await receipt.innerText())?.[1];
  const arrived = async () => {
    await post(`${stack.api}/_local/schedule/deliver-outbox`, {});
    const { spans } = await read<{ spans: { trace_id: string }[] }>(`${stack.langfuse}/_local/state`);
    return spans.some((span) => span.trace_id === trace) || undefined;
  };
  await until('the trace is in Langfuse', arrived, { limit_ms: OUTBOX_LIMIT_MS, pace_ms: 2_000 });

  await receipt.getByRole('button', { name: 'Refresh' }).click();

  await receipt.locator('.status.confirmed').nth(1).waitFor();
  await receipt.getByText('9,870.5 are left.').waitFor();
});
