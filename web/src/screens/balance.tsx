// The balance, its grants, and their expiry.

import type { Schemas } from '../api';
import { useSession } from '../app';
import { milli, printed, spoken } from '../sparks';
import { Table } from '../table';
import { Trouble } from '../trouble';
import { Until } from '../when';

type Grant = Schemas['Balance']['grants'][number];

export const SOURCES: Record<Grant['source'], string> = {
  free: 'Free each month',
  promo: 'Promotion',
  plan: 'Plan',
  pack: 'Bought',
  manual: 'Granted by us',
};

export function Balance() {
  const { balance } = useSession();
  const { value, failure, again } = balance;
  return (
    <>
      {failure && <Trouble failure={failure} again={again} />}
      {value && <Available available={value.available} />}
      {value && <Grants grants={value.grants} />}
      {!value && !failure && <p class="waiting">Loading your balance…</p>}
    </>
  );
}

function Available({ available }: { available: string }) {
  const debt = milli(available) < 0n;
  return (
    <section class="card" aria-label="Available">
      <p class="total">
        {spoken(available)} <span class="unit">Sparks</span>
      </p>
      <p>
        {debt
          ? 'A refund took back Sparks that you had already spent. Your next purchase repays them.'
          : 'available to spend'}
      </p>
      <p class="actions">
        <a class="button" href="/buy">
          Buy Sparks
        </a>
        <a class="button quiet" href="/use">
          Use Sparks
        </a>
      </p>
    </section>
  );
}

function Grants({ grants }: { grants: Grant[] }) {
  if (grants.length === 0) {
    return <p>You have no Sparks. Buy some, or subscribe to a plan.</p>;
  }
  return (
    <Table
      caption="Your Sparks, in the order in which they are spent"
      columns={[{ title: 'Source' }, { title: 'Remaining', number: true }, { title: 'Expires' }]}
      rows={grants.map((grant) => ({
        key: grant.id,
        cells: [
          SOURCES[grant.source],
          printed(grant.remaining),
          grant.expires_at === null ? 'never' : <Until at={grant.expires_at} />,
        ],
      }))}
    />
  );
}
