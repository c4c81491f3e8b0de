// Offers the packs that each cover a shortfall of Sparks.

import { ask, type Schemas } from './api';
import { useSession } from './app';
import { useBuying } from './buying';
import { useReading } from './reading';
import { price, spoken } from './sparks';
import { Trouble } from './trouble';

export function TopUp({ shortage }: { shortage: Schemas['InsufficientSparks'] }) {
  const { api } = useSession();
  const { buy, busy, failure } = useBuying();
  const catalog = useReading(() => ask(api.GET('/v1/catalog')), [api]);
  const packs = (catalog.value?.packs ?? []).filter((pack) =>
    (shortage.top_up_items as string[]).includes(pack.item),
  );
  return (
    <>
      <p>
        This costs <strong>{spoken(shortage.required)}</strong> Sparks, and you have{' '}
        <strong>{spoken(shortage.available)}</strong>.
      </p>
      <p class="actions">
        {packs.map((pack) => (
          <button
            key={pack.item}
            type="button"
            disabled={busy !== undefined}
            onClick={() => buy(pack.item as Schemas['CheckoutRequest']['item'])}
          >
            {pack.name}, {price(pack.price_cents)}
          </button>
        ))}
      </p>
      {catalog.failure && <Trouble failure={catalog.failure} again={catalog.again} />}
      {failure && <Trouble failure={failure} />}
    </>
  );
}
