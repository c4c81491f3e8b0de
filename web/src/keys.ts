// Idempotency keys. A key names one action: it is made when the user acts, kept with its request before
// that is sent for the first time, and forgotten once it is certain what came of it. So a retry, a reload,
// a second click or a second tab says the same key again, and is charged once.

import type { Schemas } from './api';

/** A key no other action has. An app that has an id for the action (a message's, say) takes that. */
function newKey(): string {
  return crypto.randomUUID();
}

/** A usage that is to be recorded: an action of this tab. */
export interface Action {
  key: string;
  request: Schemas['UsageRequest'];
  /** Whether there is a receipt; then the same key reads it again. */
  recorded: boolean;
}

/** The action that a tab is about. It outlives a reload and a payment at Stripe, but not the tab. */
export class ActionKept {
  readonly #place: string;

  constructor(account: string) {
    this.#place = `sparks.action.${account}`;
  }

  read(): Action | undefined {
    return parsed<Action>(sessionStorage.getItem(this.#place));
  }

  begin(request: Schemas['UsageRequest']): Action {
    const action = { key: newKey(), request, recorded: false };
    sessionStorage.setItem(this.#place, JSON.stringify(action));
    return action;
  }

  /** Notes how an action stands, unless the tab is about another one by now: an answer may come late. */
  keep(action: Action): void {
    if (this.read()?.key === action.key) {
      sessionStorage.setItem(this.#place, JSON.stringify(action));
    }
  }

  /** Forgets an action, unless the tab is about another one by now. */
  forget({ key }: Action): void {
    if (this.read()?.key === key) {
      sessionStorage.removeItem(this.#place);
    }
  }
}

/** Something to buy. */
export interface Order {
  key: string;
  item: Schemas['CheckoutRequest']['item'];
  quantity: number;
  /** Its page at Stripe, once that is known. */
  sessionId?: string;
}

/**
 * The orders that are not paid yet. All tabs share them: whoever orders the same in two of them at once
 * gets the same page twice, and pays once.
 */
export class OrdersKept {
  readonly #place: string;

  constructor(account: string) {
    this.#place = `sparks.orders.${account}`;
  }

  /** The open order of this item and quantity, or a new one. */
  begin(item: Order['item'], quantity: number): Promise<Order> {
    return this.#change((orders) => {
      const open = orders.find((order) => order.item === item && order.quantity === quantity);
      const order = open ?? { key: newKey(), item, quantity };
      return [open ? orders : [...orders, order], order];
    });
  }

  /** Notes the page that an order is paid at. */
  async opened(key: string, sessionId: string): Promise<void> {
    await this.#change((orders) => [
      orders.map((order) => (order.key === key ? { ...order, sessionId } : order)),
      undefined,
    ]);
  }

  /** Forgets an order, by its key or its page: what is bought next is another order. */
  async end(keyOrSession: string): Promise<void> {
    await this.#change((orders) => [
      orders.filter((order) => order.key !== keyOrSession && order.sessionId !== keyOrSession),
      undefined,
    ]);
  }

  /** Reads and writes in one piece: without the lock, two tabs could each make a key. */
  #change<T>(change: (orders: Order[]) => [Order[], T]): Promise<T> {
    return navigator.locks.request(this.#place, () => {
      const [orders, result] = change(parsed<Order[]>(localStorage.getItem(this.#place)) ?? []);
      localStorage.setItem(this.#place, JSON.stringify(orders));
      return result;
    });
  }
}

function parsed<T>(text: string | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T);
}
