// The store. A click opens Stripe's page; amounts come from the catalogue, never from this page.

import { useState } from 'preact/hooks';
import { ask, type Schemas } from '../api';
import { useSession } from '../app';
import { hasPlan, useBuying } from '../buying';
import { useReading } from '../reading';
import { price, spoken } from '../sparks';
import { Trouble } from '../trouble';

type Pack = Schemas['Catalog']['packs'][number];
type Offered = Schemas['Catalog']['plans'][number];
type Item = Schemas['CheckoutRequest']['item'];

interface Buying {
  buy: (item: Item, quantity?: number) => void;
  subscribe: (item: Item) => void;
  busy: string | undefined;
}

export function Buy() {
  const { api } = useSession();
  const { value, failure, again } = useReading(() => ask(api.GET('/v1/catalog')), [api]);
  const subscription = useReading(() => ask(api.GET('/v1/subscription')), [api]);
  const subscribed = subscription.value !== undefined && hasPlan(subscription.value);
  const buying = useBuying();
  return (
    <>
      {failure && <Trouble failure={failure} again={again} />}
      {buying.failure && <Trouble failure={buying.failure} />}
      {!value && !failure && <p class="waiting">Loading the store…</p>}
      {value && (
        <>
          <h2>One-time packs</h2>
          <ul class="offers">
            {value.packs.map((pack) => (
              <PackOffer key={pack.item} pack={pack} {...buying} />
            ))}
          </ul>
          <h2>Monthly plans</h2>
          <ul class="offers">
            {value.plans.map((plan) => (
              <PlanOffer key={plan.item} plan={plan} subscribed={subscribed} {...buying} />
            ))}
          </ul>
          <p class="fine">You pay at Stripe and then return here. One Spark costs ${value.spark_usd}.</p>
        </>
      )}
    </>
  );
}

function PackOffer({ pack, buy, busy }: { pack: Pack } & Buying) {
  const [quantity, setQuantity] = useState('1');
  const order = (event: SubmitEvent) => {
    event.preventDefault();
    // The browser's validation accepts only a whole number.
    buy(pack.item as Item, Number(quantity));
  };
  const field = `quantity-${pack.item}`;
  return (
    <li class="card">
      <form onSubmit={order}>
        <h3>{spoken(pack.sparks)} Sparks</h3>
        <p class="price">{price(pack.price_cents)}</p>
        <label for={field}>Quantity</label>
        <input
          id={field}
          type="number"
          inputMode="numeric"
          required
          min={1}
          max={pack.max_quantity}
          step={1}
          value={quantity}
          onInput={(event) => setQuantity(event.currentTarget.value)}
        />
        <button type="submit" disabled={busy !== undefined}>
          {busy === pack.item ? 'Opening Stripe…' : 'Buy'}
          <span class="hidden"> {pack.name}</span>
        </button>
      </form>
    </li>
  );
}

function PlanOffer({ plan, subscribed, subscribe, busy }: { plan: Offered; subscribed: boolean } & Buying) {
  return (
    <li class="card">
      <h3>{plan.name}</h3>
      <p class="price">{plan.price_cents === 0 ? 'Free' : `${price(plan.price_cents)} a month`}</p>
      <p>{spoken(plan.sparks)} Sparks each month</p>
      {plan.for_sale && subscribed && (
        <p class="fine">
          You have a plan. <a href="/account">Change it</a>
        </p>
      )}
      {plan.for_sale && !subscribed && (
        <button type="button" disabled={busy !== undefined} onClick={() => subscribe(plan.item as Item)}>
          {busy === plan.item ? 'Opening Stripe…' : 'Subscribe'}
          <span class="hidden"> to {plan.name}</span>
        </button>
      )}
      {!plan.for_sale && <p class="fine">You already have it.</p>}
    </li>
  );
}
