// The typed client. Its paths, bodies and responses come from openapi.d.ts, generated from openapi.yaml.

import createClient from 'openapi-fetch';
import type { components, paths } from './openapi';

export type Schemas = components['schemas'];
export type Api = ReturnType<typeof connect>;

/** Returns the caller's bearer token; with `renew`, a newer one than before. */
export type Token = (renew: boolean) => Promise<string>;

/** The result of a call. A failure is a value, so the caller has to handle it. */
export type Answer<T> = { ok: true; value: T; replayed: boolean } | { ok: false; failure: Failure };

/** A failed call, by the source of the failure. */
export type Failure =
  /** The API, with an RFC 9457 problem. */
  | { by: 'api'; problem: Problem }
  /** API Gateway, with its own message. */
  | { by: 'gateway'; status: number; message: string }
  /** The network failed, or the wait was too long. */
  | { by: 'network' };

export type Problem = Schemas['Problem'] | Schemas['InsufficientSparks'];

/** The timeout of a call. API Gateway gives up on a function after 30 seconds, so a longer wait is useless. */
export const PATIENCE_MS = 35_000;

const UNAUTHORIZED = 401;
const UNPROCESSABLE = 422;

/** Creates a client of the API at an address, acting as the token's account. */
export function connect(baseUrl: string, token: Token) {
  return createClient<paths>({
    baseUrl,
    // The token may have expired, so a refused one is renewed once. Sending the request again is safe:
    // a request that takes effect carries a key.
    fetch: async (request) => {
      const again = request.clone();
      const answer = await send(request, token(false));
      return answer.status === UNAUTHORIZED ? send(again, token(true)) : answer;
    },
  });
}

async function send(request: Request, token: Promise<string>): Promise<Response> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(PATIENCE_MS)]);
  request.headers.set('Authorization', `Bearer ${await Promise.race([token, aborted(signal)])}`);
  return fetch(request, { signal });
}

/** Rejects once the signal aborts, for promises that accept no signal. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
}

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Waits for a call of the client, and returns its result. */
export async function ask<T>(call: Promise<Result<T>>): Promise<Answer<T>> {
  let result: Result<T>;
  try {
    result = await call;
  } catch {
    return { ok: false, failure: { by: 'network' } };
  }
  const { data, error, response } = result;
  if (response.ok && data !== undefined) {
    return { ok: true, value: data, replayed: response.headers.has('Idempotent-Replayed') };
  }
  return { ok: false, failure: failure(response.status, error) };
}

function failure(status: number, body: unknown): Failure {
  if (typeof body === 'object' && body !== null) {
    if ('code' in body) {
      return { by: 'api', problem: body as Problem };
    }
    if ('message' in body) {
      return { by: 'gateway', status, message: String(body.message) };
    }
  }
  return { by: 'gateway', status, message: '' };
}

/**
 * Returns whether no call with this key ever took effect, so that the key may be discarded.
 *
 * Only a 422 of the API proves it: the key was looked up, or no request like this is ever accepted. Any other
 * refusal may come before the key is looked up, and an earlier call may have been charged although its response
 * was lost. After a 402 nothing was charged, and the same key succeeds after a top-up.
 */
export function hadNoEffect(failure: Failure): boolean {
  return failure.by === 'api' && failure.problem.status === UNPROCESSABLE;
}

/** Returns the problem if the balance does not cover a usage. */
export function shortage(failure: Failure): Schemas['InsufficientSparks'] | undefined {
  const problem = failure.by === 'api' ? failure.problem : undefined;
  return problem && 'top_up_items' in problem ? problem : undefined;
}
