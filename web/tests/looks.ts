// Accessibility, small screens, dark mode, and the size of the scripts.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { assertAccessible, story } from './visitor';

const MAX_SCRIPT_BYTES = 150 * 1024;
/** The demo account of `make dev`, which has data on every screen. */
const ACCOUNT = 'acct_demo';
const SCREENS: [string, (page: Page) => Promise<void>][] = [
  ['/', (page) => page.getByRole('table').waitFor()],
  ['/use', (page) => page.getByRole('region', { name: 'Estimate' }).waitFor()],
  ['/usage', (page) => page.getByRole('img').waitFor()],
  ['/ledger', (page) => page.getByRole('table').waitFor()],
  ['/buy', (page) => page.getByRole('heading', { name: 'Monthly plans' }).waitFor()],
  ['/account', (page) => page.getByText('It ends on').waitFor()],
  ['/paid', (page) => page.getByText('There is no payment to show.').waitFor()],
];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [name, width] of [
    ['large', 1280],
    ['small', 320],
  ] as const) {
    const circumstances = { account: ACCOUNT, colorScheme, viewport: { width, height: 800 } };
    story(
      `every screen is accessible, ${colorScheme} and ${name}`,
      circumstances,
      async ({ page, open, picture }) => {
        for (const [path, shown] of SCREENS) {
          await open(path);
          await shown(page);
          await assertAccessible(page);
          const { wide, room } = await page.evaluate(() => ({
            wide: document.documentElement.scrollWidth,
            room: document.documentElement.clientWidth,
          }));
          assert.ok(wide <= room, `${path} is ${wide} px wide, but there is room for ${room}`);
          await picture(`${colorScheme}-${name}-${path.slice(1) || 'balance'}`);
        }
      },
    );
  }
}

story('a receipt and a refusal are accessible', { expected: /status of 402/ }, async ({ page, open }) => {
  await open('/use');
  await page.getByRole('button', { name: 'Record it' }).click();
  await page.getByRole('region', { name: 'Receipt' }).waitFor();
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Record another' }).click();
  await page.getByLabel('Output tokens').fill('1000000');
  await page.getByRole('button', { name: 'Record it' }).click();
  await page.getByRole('alert').getByRole('button', { name: '500,000 Sparks, $20.00' }).waitFor();
  await assertAccessible(page);
});

story(
  'each screen is announced by its title and by the focus',
  { account: ACCOUNT },
  async ({ page, open }) => {
    await open('/');
    await page.getByRole('link', { name: 'Ledger', exact: true }).click();
    await page.waitForFunction(() => document.title === 'Ledger · Sparks');
    assert.equal(await page.locator(':focus').innerText(), 'Ledger');
    assert.equal(new URL(page.url()).pathname, '/ledger');
    assert.equal(
      await page.getByRole('link', { name: 'Ledger', exact: true }).getAttribute('aria-current'),
      'page',
    );
    await page.goBack();
    await page.waitForFunction(() => document.title === 'Balance · Sparks');
  },
);

story('an unknown address links back to the page', {}, async ({ page, open }) => {
  await open('/');
  await page.evaluate(() => {
    history.pushState(null, '', '/nowhere');
    dispatchEvent(new PopStateEvent('popstate'));
  });
  await page.getByRole('heading', { name: 'Page not found' }).waitFor();
  await assertAccessible(page);
  await page.getByRole('link', { name: 'Go to your balance' }).click();
  await page.getByRole('region', { name: 'Available' }).waitFor();
});

story(
  'the page may load only its own files and call only its own API',
  { expected: /Content Security Policy/ },
  async ({ stack, page, open }) => {
    await open('/');
    const answer = await page.request.get(stack.api);
    const policy = answer.headers()['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    // Only the policy can block this request: with `no-cors`, the server's permission is not needed.
    const outside = await page.evaluate(
      (url) =>
        new Promise((done) => {
          document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
            done(effectiveDirective),
          );
          fetch(url, { mode: 'no-cors' }).then(
            () => done('sent'),
            () => {},
          );
        }),
      stack.stripe,
    );
    assert.equal(outside, 'connect-src');
  },
);

test('all scripts together are at most 150 KB over the wire', () => {
  const folder = resolve('dist/assets');
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
  const bytes = scripts.map((name) => gzipSync(readFileSync(resolve(folder, name))).length);
  const total = bytes.reduce((all, some) => all + some, 0);
  console.log(`scripts: ${scripts.length}, ${total} bytes gzipped`);
  assert.ok(scripts.length > 0 && total <= MAX_SCRIPT_BYTES, `${total} bytes`);
});
