// Failures, in words that say what to do. Every code of the contract has its words here: the compiler sees
// to it that none is forgotten.

import type { ComponentChildren } from 'preact';
import type { Failure, Schemas } from './api';

interface Words {
  title: string;
  advice: string;
}

const OURS: Words = {
  title: 'Something is wrong with this page',
  advice: 'It sent what the API does not take. Reload it; if that does not help, tell us the request below.',
};

const WORDS: Record<Schemas['ProblemCode'], Words> = {
  account_forbidden: { title: 'Not your account', advice: 'Sign in with the account that this belongs to.' },
  account_id_required: OURS,
  account_invalid: {
    title: 'No account',
    advice: 'What you signed in with names no account. Sign in again.',
  },
  account_not_found: {
    title: 'No such account',
    advice: 'Sign in once with that account, so that it exists.',
  },
  already_subscribed: {
    title: 'You have a plan already',
    advice: 'Nothing was ordered. Change your plan under “Plan”.',
  },
  body_too_large: { title: 'Too much at once', advice: 'Send less.' },
  checkout_expired: { title: 'That order has ended', advice: 'Nothing was paid. Order again.' },
  flow_unavailable: {
    title: 'Not offered for your plan',
    advice: 'Open “Manage at Stripe”, which shows what can be done with the plan as it is.',
  },
  idempotency_key_required: OURS,
  idempotency_key_reused: {
    title: 'Already used for something else',
    advice: 'Nothing was charged. Begin anew.',
  },
  insufficient_sparks: {
    title: 'Not enough Sparks',
    advice: 'Nothing was charged. Get more, and go on from here.',
  },
  internal: {
    title: 'Something went wrong on our side',
    advice: 'Try again: you are charged once, if at all.',
  },
  invalid_json: OURS,
  invalid_quantity: { title: 'That number does not work', advice: 'Change the number that is named below.' },
  invalid_request: { title: 'Not understood', advice: 'Change what is named below.' },
  invalid_signature: OURS,
  no_customer: { title: 'Nothing to manage yet', advice: 'Buy Sparks or a plan first.' },
  no_subscription: { title: 'No plan to change', advice: 'Subscribe to a plan first.' },
  not_found: { title: 'Not found', advice: 'Go back, and try another way.' },
  occurred_at_out_of_window: {
    title: 'Too long ago, or in the future',
    advice: 'Usage can be recorded for 33 days. Check the clock of this device.',
  },
  payment_mismatch: {
    title: 'The payment is not what was ordered',
    advice: 'Nothing was credited, and we have been told. You need not pay again.',
  },
  service_forbidden: { title: 'Not for services', advice: 'Sign in as the account itself.' },
  session_not_found: {
    title: 'No such payment',
    advice: 'It may belong to another account: sign in with the one that paid.',
  },
  too_many_requests: {
    title: 'Too many requests',
    advice: 'Wait a moment, and top up: nothing was recorded.',
  },
  unauthenticated: { title: 'You are not signed in', advice: 'Sign in again.' },
  unavailable: {
    title: 'Not available right now',
    advice: 'Try again in a moment: you are charged once, if at all.',
  },
  unknown_item: { title: 'Not for sale any more', advice: 'Choose something else.' },
  unknown_meter: OURS,
  unknown_model: {
    title: 'No price for that model',
    advice: 'Check its name, or leave it empty for the flat rate.',
  },
  url_not_allowed: {
    title: 'This address is not known to the API',
    advice: 'Open the page at the address that ALLOWED_ORIGINS names.',
  },
};

const UNKNOWN: Words = { title: 'That did not work', advice: 'Try again, or tell us what is said below.' };

const GATEWAY: Record<number, Words> = {
  401: { title: 'Your session has ended', advice: 'Sign in again.' },
  404: WORDS.not_found,
  413: WORDS.body_too_large,
  429: {
    title: 'Too many requests',
    advice: 'Wait a moment, and try again: you are charged once, if at all.',
  },
  503: WORDS.unavailable,
};

const NETWORK: Words = {
  title: 'No answer',
  advice: 'Check the connection, and try again: you are charged once, if at all.',
};

/** What a failure says to a person. */
export function words(failure: Failure): Words {
  switch (failure.by) {
    case 'api':
      // A newer API may have codes that this page does not know. The problem's title is most often its status alone.
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

/** Shows a failure, and ways out of it. */
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
