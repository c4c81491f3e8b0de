// A visitor of the page, with their own browser context and account. The browser's errors fail the story.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { healed, ROOT, type Stack, start } from './stack';

const PICTURES = resolve(ROOT, '.local/screenshots');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** The timeout for anything on the page. */
const PATIENCE_MS = 15_000;
const STORY_LIMIT_MS = 120_000;
/** The impacts of accessibility findings that fail a story. */
const GRAVE = ['serious', 'critical'];

export interface Visitor {
  stack: Stack;
  account: string;
  context: BrowserContext;
  page: Page;
  /** Opens a screen as this account, in this tab or another one. */
  open: (path: string, page?: Page) => Promise<void>;
  /** Saves a screenshot. */
  picture: (name: string) => Promise<void>;
}

export interface Circumstances extends BrowserContextOptions {
  account?: string;
  /** The console messages that the story expects. */
  expected?: RegExp;
  /** The time limit of the story. */
  limit_ms?: number;
}

let stack: Stack;
let browser: Browser;
let visitors = 0;
/** Every route of the API that the page itself has called, as openapi.yaml spells it. */
export const called = new Set<string>();

before(async () => {
  assert.ok(existsSync(CHROMIUM), `there is no Chromium at ${CHROMIUM}: install it, or set CHROMIUM`);
  mkdirSync(PICTURES, { recursive: true });
  stack = await start();
  // Chromium's sandbox does not run as root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});

after(async () => {
  await browser?.close();
  await stack?.stop();
});

/** Runs a test in a browser. It also fails on unexpected console messages. All faults are removed after it. */
export function story(
  name: string,
  circumstances: Circumstances,
  tell: (visitor: Visitor) => Promise<void>,
): void {
  const { limit_ms = STORY_LIMIT_MS, expected, account: named, ...options } = circumstances;
  test(name, { timeout: limit_ms }, async ({ signal }) => {
    const account = named ?? `acct_web_${++visitors}`;
    const context = await browser.newContext({ locale: 'en-US', timezoneId: 'Europe/Paris', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    // End a story that times out, so that it does not run on beside the next one.
    signal.addEventListener('abort', () => void context.close().catch(() => {}));
    const complaints: string[] = [];
    context.on('page', (page) => watch(page, expected, complaints));
    const page = await context.newPage();
    const visitor: Visitor = {
      stack,
      account,
      context,
      page,
      open: async (path, tab = page) => {
        const url = new URL(path, stack.api);
        url.searchParams.set('account', account);
        await tab.goto(url.href);
      },
      picture: async (of) => {
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: resolve(PICTURES, `${of}.png`) });
      },
    };
    try {
      await tell(visitor);
      assert.deepEqual(complaints, [], 'the browser complained');
    } catch (error) {
      // If the screenshot fails, too, the original error is still thrown.
      await visitor.picture(`failed-${name.replaceAll(/\W+/g, '-')}`).catch(() => {});
      throw error;
    } finally {
      await Promise.allSettled([context.close(), healed(stack.stripe), healed(stack.langfuse)]);
    }
  });
}

/** Collects the browser's complaints about our pages, and the routes that they call. */
function watch(page: Page, expected: RegExp | undefined, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const ours = message.location().url.startsWith(stack.api);
    const known = expected?.test(message.text()) ?? false;
    if (ours && !known && ['error', 'warning'].includes(message.type())) {
      complaints.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on('request', (request) => {
    const { origin, pathname } = new URL(request.url());
    if (origin === stack.api && pathname.startsWith('/v1/')) {
      called.add(`${request.method()} ${pathname.replace(/cs_[^/]+/, '{session_id}')}`);
    }
  });
}

/** Fails on serious accessibility findings. */
export async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((node) => node.html) }));
  });
  const grave = violations.filter(({ impact }) => GRAVE.includes(impact ?? ''));
  assert.deepEqual(grave, [], `of ${violations.length} findings at ${page.url()}`);
}
