// Idempotency keys. A key names one action. It is created when the user acts, stored with its request before
// the first attempt, and discarded once the outcome is certain. So a retry, a reload, a second click or a
// second tab sends the same key, and the action is charged once.

import type { Schemas } from './api';

/** Returns a unique key. An app that has an id for the action, such as a message id, uses that instead. */
function newKey(): string {
  return crypto.randomUUID();
}

/** A usage to be recorded: the action of this tab. */
export interface Action {
  key: string;
  request: Schemas['UsageRequest'];
  /** True if there is a receipt, which the same key reads again. */
  recorded: boolean;
}

/** Stores the current action of a tab. It survives a reload and a payment at Stripe, but not the tab. */
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

  /** Updates the action, unless the tab has moved on to another one: a response may come late. */
  keep(action: Action): void {
    if (this.read()?.key === action.key) {
      sessionStorage.setItem(this.#place, JSON.stringify(action));
    }
  }

  /** Discards the action, unless the tab has moved on to another one. */
  forget({ key }: Action): void {
    if (this.read()?.key === key) {
      sessionStorage.removeItem(this.#place);
    }
  }
}

/** A purchase that is not paid yet. */
export interface Order {
  key: string;
  item: Schemas['CheckoutRequest']['item'];
  quantity: number;
  /** The id of its Checkout Session, once known. */
  sessionId?: string;
}

/**
 * Stores the orders that are not paid yet, for all tabs. Placing the same order in two tabs at once opens the
 * same page twice, and it is paid once.
 */
export class OrdersKept {
  readonly #place: string;

  constructor(account: string) {
    this.#place = `sparks.orders.${account}`;
  }

  /** Returns the open order for this item and quantity, or a new one. */
  begin(item: Order['item'], quantity: number): Promise<Order> {
    return this.#change((orders) => {
      const open = orders.find((order) => order.item === item && order.quantity === quantity);
      const order = open ?? { key: newKey(), item, quantity };
      return [open ? orders : [...orders, order], order];
    });
  }

  /** Stores the Checkout Session of an order. */
  async opened(key: string, sessionId: string): Promise<void> {
    await this.#change((orders) => [
      orders.map((order) => (order.key === key ? { ...order, sessionId } : order)),
      undefined,
    ]);
  }

  /** Discards an order, by its key or its Checkout Session: the next purchase is a new order. */
  async end(keyOrSession: string): Promise<void> {
    await this.#change((orders) => [
      orders.filter((order) => order.key !== keyOrSession && order.sessionId !== keyOrSession),
      undefined,
    ]);
  }

  /** Reads and writes under a lock: without it, two tabs could each create a key. */
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
