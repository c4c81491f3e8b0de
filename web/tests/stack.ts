// The stack that `make dev` starts, on free ports, with helpers that act on it directly.

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

// The stories run in `web`.
export const ROOT = resolve('..');
const LOG = resolve(ROOT, '.local/test-web.log');
/** A separate file, because another stack may be running. */
const ENVIRONMENT = resolve(ROOT, '.local/test-web.env');
/** The functions start one after another, and the first one may have to be linked. */
const READY_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 30_000;
/** Signals that end Node.js without an `exit` event, with the exit status that a shell reports. */
const DEADLY = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
const PORTS = ['GATEWAY', 'FUNCTIONS', 'DYNAMODB', 'STRIPE', 'LANGFUSE'];

export interface Stack {
  /** The address of the page and the API. */
  api: string;
  stripe: string;
  langfuse: string;
  stop: () => Promise<void>;
}

/** Starts the stack, and returns once everything responds. */
export async function start(): Promise<Stack> {
  const program = resolve(process.env.PROGRAMS ?? `${ROOT}/target/debug`, 'sparks-local');
  mkdirSync(resolve(ROOT, '.local'), { recursive: true });
  const ports = Object.fromEntries(PORTS.map((name) => [`SPARKS_${name}_PORT`, '0']));
  const child = spawn(program, {
    cwd: ROOT,
    env: { ...process.env, ...ports, SPARKS_LOCAL_ENV: ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The stack ends with this process, however it ends.
  process.once('exit', () => child.kill());
  for (const [signal, status] of Object.entries(DEADLY)) {
    process.once(signal, () => process.exit(status));
  }
  const said = await invitation(child);
  const found = (name: string, path: string) => {
    const address = new RegExp(`^${name} +(http\\S+?)${path}$`, 'm').exec(said)?.[1];
    if (!address) {
      throw new Error(`the stack printed no address of its ${name}; see ${LOG}`);
    }
    return address;
  };
  return {
    api: found('Page', '/'),
    stripe: found('Stripe', '/_local/state'),
    langfuse: found('Langfuse', '/_local/state'),
    stop: () => stop(child),
  };
}

/** Returns what the stack prints until it is ready. */
function invitation(child: ChildProcess): Promise<string> {
  const log = createWriteStream(LOG);
  return new Promise((done, failed) => {
    const fail = (why: string) => {
      clearTimeout(late);
      child.kill();
      failed(new Error(`the stack did not start (${why}); see ${LOG}`));
    };
    const late = setTimeout(() => fail('too slow'), READY_LIMIT_MS);
    let said = '';
    const hear = (text: Buffer) => {
      log.write(text);
      said = (said + text).slice(-100_000);
      if (said.includes('Ctrl-C stops everything.')) {
        clearTimeout(late);
        done(said);
      }
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`it ended with ${code}`));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const stopped = await Promise.race([gone.then(() => true), pause(STOP_LIMIT_MS, false, { ref: false })]);
  if (!stopped) {
    child.kill('SIGKILL');
    await gone;
  }
}

/** Polls until there is a value. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { limit_ms, pace_ms }: { limit_ms: number; pace_ms: number },
): Promise<T> {
  const end = Date.now() + limit_ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) {
      return seen;
    }
    if (Date.now() > end) {
      throw new Error(`timed out after ${limit_ms} ms: ${what}`);
    }
    await pause(pace_ms);
  }
}

/** Sends JSON, and reads the JSON response. */
export async function post<T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const sent = { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } };
  return read<T>(url, { ...sent, body: JSON.stringify(body) });
}

/** Reads a JSON response. */
export async function read<T>(url: string, request: RequestInit = {}): Promise<T> {
  const answer = await fetch(url, request);
  if (!answer.ok) {
    throw new Error(`${url} returned ${answer.status}: ${await answer.text()}`);
  }
  return (await answer.json()) as T;
}

/** Returns the header that authorizes a call as this account. */
export async function as(stack: Stack, account: string): Promise<{ Authorization: string }> {
  const { token } = await post<{ token: string }>(`${stack.api}/_local/token`, { account });
  return { Authorization: `Bearer ${token}` };
}

/** Makes a fake fail the next requests below a path, until the story ends. */
export async function fault(fake: string, path: string, fault: string, times = 100): Promise<void> {
  const answer = await fetch(`${fake}/_local/faults`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ path, fault, times }),
  });
  if (!answer.ok) {
    throw new Error(`the fault was refused: ${await answer.text()}`);
  }
}

/** Removes all faults from a fake. */
export async function healed(fake: string): Promise<void> {
  await fetch(`${fake}/_local/faults`, { method: 'DELETE' });
}
