// Messages for failures, each with advice. Every code of the contract has a message here; the compiler
// reports a missing one.

import type { ComponentChildren } from 'preact';
import type { Failure, Schemas } from './api';

interface Words {
  title: string;
  advice: string;
}

const OURS: Words = {
  title: 'Something is wrong with this page',
  advice: 'It sent an invalid request. Reload it; if that does not help, send us the request id below.',
};

const WORDS: Record<Schemas['ProblemCode'], Words> = {
  account_forbidden: { title: 'Not your account', advice: 'Sign in with the account that owns this.' },
  account_id_required: OURS,
  account_invalid: {
    title: 'No account',
    advice: 'Your sign-in names no account. Sign in again.',
  },
  account_not_found: {
    title: 'No such account',
    advice: 'Sign in with that account once to create it.',
  },
  already_subscribed: {
    title: 'You already have a plan',
    advice: 'Nothing was ordered. Change your plan under “Plan”.',
  },
  body_too_large: { title: 'Request too large', advice: 'Send less at a time.' },
  checkout_expired: { title: 'This order has expired', advice: 'Nothing was paid. Order again.' },
  flow_unavailable: {
    title: 'Not available for your plan',
    advice: 'Open “Manage at Stripe” to see what you can change.',
  },
  idempotency_key_required: OURS,
  idempotency_key_reused: {
    title: 'Already used for another request',
    advice: 'Nothing was charged. Start again.',
  },
  insufficient_sparks: {
    title: 'Not enough Sparks',
    advice: 'Nothing was charged. Buy more, then continue here.',
  },
  internal: {
    title: 'Something went wrong on our side',
    advice: 'Try again: you are charged at most once.',
  },
  invalid_json: OURS,
  invalid_quantity: { title: 'Invalid number', advice: 'Change the number named below.' },
  invalid_request: { title: 'Invalid request', advice: 'Correct the value named below.' },
  invalid_signature: OURS,
  no_customer: { title: 'Nothing to manage yet', advice: 'Buy Sparks or a plan first.' },
  no_subscription: { title: 'No plan to change', advice: 'Subscribe to a plan first.' },
  not_found: { title: 'Not found', advice: 'Go back and try again.' },
  occurred_at_out_of_window: {
    title: 'Too long ago, or in the future',
    advice: 'Usage can be recorded for up to 33 days. Check the clock of this device.',
  },
  payment_mismatch: {
    title: 'The payment does not match the order',
    advice: 'Nothing was credited, and our team has been notified. You do not need to pay again.',
  },
  service_forbidden: { title: 'Not available to services', advice: 'Sign in as the account itself.' },
  session_not_found: {
    title: 'No such payment',
    advice: 'It may belong to another account: sign in with the account that paid.',
  },
  too_many_requests: {
    title: 'Too many requests',
    advice: 'Nothing was recorded. Wait a moment, and top up.',
  },
  unauthenticated: { title: 'You are not signed in', advice: 'Sign in again.' },
  unavailable: {
    title: 'Not available right now',
    advice: 'Try again in a moment: you are charged at most once.',
  },
  unknown_item: { title: 'No longer for sale', advice: 'Choose something else.' },
  unknown_meter: OURS,
  unknown_model: {
    title: 'No price for that model',
    advice: 'Check the name, or leave it empty for the flat rate.',
  },
  url_not_allowed: {
    title: 'This address is not allowed',
    advice: 'Open the page at an address listed in ALLOWED_ORIGINS.',
  },
};

const UNKNOWN: Words = { title: 'That did not work', advice: 'Try again, or send us the details below.' };

const GATEWAY: Record<number, Words> = {
  401: { title: 'Your session has ended', advice: 'Sign in again.' },
  404: WORDS.not_found,
  413: WORDS.body_too_large,
  429: {
    title: 'Too many requests',
    advice: 'Wait a moment, and try again: you are charged at most once.',
  },
  503: WORDS.unavailable,
};

const NETWORK: Words = {
  title: 'No response',
  advice: 'Check your connection and try again: you are charged at most once.',
};

/** Returns the message for a failure. */
export function words(failure: Failure): Words {
  switch (failure.by) {
    case 'api':
      // A newer API may have codes that this page does not know. The problem's own title is usually just its status.
      return WORDS[failure.problem.code] ?? UNKNOWN;
    case 'gateway':
      return GATEWAY[failure.status] ?? WORDS.internal;
    case 'network':
      return NETWORK;
  }
}

interface TroubleProps {
  failure: Failure;
  again?: (() => void) | undefined;
  children?: ComponentChildren;
}

/** Shows a failure, and offers ways to recover. */
export function Trouble({ failure, again, children }: TroubleProps) {
  const { title, advice } = words(failure);
  const problem = failure.by === 'api' ? failure.problem : undefined;
  return (
    <div class="trouble" role="alert">
      <h2>{title}</h2>
      <p>{advice}</p>
      {problem && (
        <p class="fine">
          {problem.detail} <span class="id">Request {problem.request_id}</span>
        </p>
      )}
      {children}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
