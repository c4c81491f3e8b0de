// Buying an item: from the click to Stripe's page.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Answer, ask, type Failure, type Schemas } from './api';
import { useSession } from './app';
import { type Order, OrdersKept } from './keys';
import { go } from './route';

/** Problems after which a key is useless: the next attempt is a new order. */
const SPENT = ['checkout_expired', 'idempotency_key_reused'];

/** The number of times in a row that a useless order is replaced by a new one. */
const MAX_NEW_ORDERS = 2;

/** The address for the buyer: Stripe's page, or the screen for an earlier outcome of this order. */
type Way = { to: string; outside: boolean };

/** Returns whether there is a plan that has not ended, whatever its state. */
export function hasPlan({ status }: Schemas['SubscriptionStanding']): boolean {
  return status !== 'none' && status !== 'canceled';
}

/** Orders an item, and sends the buyer to the page for it. */
export function useBuying() {
  const { api, account } = useSession();
  const orders = useMemo(() => new OrdersKept(account), [account]);
  const [busy, setBusy] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  useEffect(() => {
    // A page restored from the browser's cache must not still show that it is leaving for Stripe.
    const back = (event: PageTransitionEvent) => event.persisted && setBusy(undefined);
    addEventListener('pageshow', back);
    return () => removeEventListener('pageshow', back);
  }, []);

  const open = (order: Order): Promise<Answer<Schemas['CheckoutPage']>> =>
    ask(
      api.POST('/v1/checkout', {
        params: { header: { 'Idempotency-Key': order.key } },
        body: {
          item: order.item,
          quantity: order.quantity,
          success_url: `${location.origin}/paid?session_id={CHECKOUT_SESSION_ID}`,
          cancel_url: `${location.origin}/buy`,
        },
      }),
    );

  const find = async (
    item: Order['item'],
    quantity: number,
    newOrders = MAX_NEW_ORDERS,
  ): Promise<Answer<Way>> => {
    const order = await orders.begin(item, quantity);
    // The order may have been paid since, here or in another tab: check its status first.
    const paid = order.sessionId ? await standing(order.sessionId) : undefined;
    if (paid) {
      return paid;
    }
    const answer = await open(order);
    if (answer.ok) {
      await orders.opened(order.key, answer.value.session_id);
      if (answer.value.url !== null) {
        return { ...answer, value: { to: answer.value.url, outside: true } };
      }
      const settled = await standing(answer.value.session_id);
      if (settled) {
        return settled;
      }
    } else if (answer.failure.by === 'api' && answer.failure.problem.code === 'already_subscribed') {
      // Another device or tab subscribed first.
      await orders.end(order.key);
      return { ok: true, value: { to: '/account', outside: false }, replayed: false };
    } else if (answer.failure.by !== 'api' || !SPENT.includes(answer.failure.problem.code)) {
      return answer;
    }
    await orders.end(order.key);
    if (newOrders > 0) {
      return find(item, quantity, newOrders - 1);
    }
    return answer.ok ? { ...answer, value: inside(answer.value.session_id) } : answer;
  };

  /** Returns the way to an order that is paid or processing, and undefined for any other. */
  const standing = async (sessionId: string): Promise<Answer<Way> | undefined> => {
    const answer = await ask(
      api.POST('/v1/checkout/{session_id}/verify', { params: { path: { session_id: sessionId } } }),
    );
    if (!answer.ok) {
      const code = answer.failure.by === 'api' ? answer.failure.problem.code : undefined;
      if (code === 'payment_mismatch') {
        // The operator settles that order. The user sees it once, and the next click is a new order.
        await orders.end(sessionId);
        return { ok: true, value: inside(sessionId), replayed: true };
      }
      // An unknown page cannot have been paid.
      return code === 'session_not_found' ? undefined : answer;
    }
    if (answer.value.status === 'expired') {
      await orders.end(sessionId);
    }
    const settled = answer.value.status === 'paid' || answer.value.status === 'processing';
    return settled ? { ...answer, value: inside(sessionId) } : undefined;
  };

  /** Returns the way to the current plan, if any: a second plan would be paid in addition. */
  const subscribed = async (): Promise<Answer<Way> | undefined> => {
    const answer = await ask(api.GET('/v1/subscription'));
    if (!answer.ok) {
      return answer;
    }
    return hasPlan(answer.value) ? { ...answer, value: { to: '/account', outside: false } } : undefined;
  };

  const lead = async (item: Order['item'], find: () => Promise<Answer<Way>>) => {
    setBusy(item);
    setFailure(undefined);
    let leaving = false;
    try {
      const way = await find();
      if (!way.ok) {
        setFailure(way.failure);
      } else if (way.value.outside) {
        location.assign(way.value.to);
        leaving = true;
      } else {
        go(way.value.to);
      }
    } finally {
      // While the browser leaves for Stripe, all buttons stay disabled.
      if (!leaving) {
        setBusy(undefined);
      }
    }
  };
  return {
    buy: (item: Order['item'], quantity = 1) => void lead(item, () => find(item, quantity)),
    subscribe: (item: Order['item']) => void lead(item, async () => (await subscribed()) ?? find(item, 1)),
    busy,
    failure,
  };
}

/** Returns the way to the screen with the status of a payment. */
function inside(sessionId: string): Way {
  return { to: `/paid?session_id=${sessionId}`, outside: false };
}
