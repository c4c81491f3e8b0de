// The typed client: paths, bodies and answers are those of openapi.yaml, from which openapi.d.ts is made.

import createClient from 'openapi-fetch';
import type { components, paths } from './openapi';

export type Schemas = components['schemas'];
export type Api = ReturnType<typeof connect>;

/** Gives the caller's bearer token; with `renew`, one that is newer than the last. */
export type Token = (renew: boolean) => Promise<string>;

/** What came of a call. A failure is a value: whoever asks has to look at it. */
export type Answer<T> = { ok: true; value: T; replayed: boolean } | { ok: false; failure: Failure };

/** Why there is no answer, by who says so. */
export type Failure =
  /** The API, in a problem of RFC 9457. */
  | { by: 'api'; problem: Problem }
  /** API Gateway, in words of its own. */
  | { by: 'gateway'; status: number; message: string }
  /** Nobody: the network, or too long a wait. */
  | { by: 'network' };

export type Problem = Schemas['Problem'] | Schemas['InsufficientSparks'];

/** API Gateway gives up on a function after 30 seconds; then there is nothing to wait for. */
export const PATIENCE_MS = 35_000;

const UNAUTHORIZED = 401;
const UNPROCESSABLE = 422;

/** A client of the API at an address, acting as whoever the token names. */
export function connect(baseUrl: string, token: Token) {
  return createClient<paths>({
    baseUrl,
    // A token may have expired unnoticed, so a refused one is renewed once. Sending a request again
    // is safe: one that takes effect carries a key.
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

/** Fails once the signal says so: not everything that is waited for takes one. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
}

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Waits for a call of the client, and says what came of it. */
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
 * Whether nothing was done under the key of this call, by it or before it, so that the key may be forgotten.
 *
 * Only a 422 of the API says so: the key was looked up, or no request like this was ever taken. Whatever else
 * refuses a call comes before its key, and an earlier one may have been charged, whose answer got lost. With a
 * 402 nothing was charged, and the same key succeeds after a top-up.
 */
export function hadNoEffect(failure: Failure): boolean {
  return failure.by === 'api' && failure.problem.status === UNPROCESSABLE;
}

/** The problem of a balance that does not cover a usage, where it is that. */
export function shortage(failure: Failure): Schemas['InsufficientSparks'] | undefined {
  const problem = failure.by === 'api' ? failure.problem : undefined;
  return problem && 'top_up_items' in problem ? problem : undefined;
}
