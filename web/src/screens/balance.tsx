// What there is, what it is made of, and until when.

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
  manual: 'Given by us',
};

export function Balance() {
  const { balance } = useSession();
  const { value, failure, again } = balance;
  return (
    <>
      {failure && <Trouble failure={failure} again={again} />}
      {value && <Available available={value.available} />}
      {value && <Grants grants={value.grants} />}
      {!value && !failure && <p class="waiting">Reading the balance…</p>}
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
        {debt ? 'A refund took back what was spent already. What you buy next repays it.' : 'can be spent'}
      </p>
      <p class="actions">
        <a class="button" href="/buy">
          Buy Sparks
        </a>
        <a class="button quiet" href="/use">
          Use some
        </a>
      </p>
    </section>
  );
}

function Grants({ grants }: { grants: Grant[] }) {
  if (grants.length === 0) {
    return <p>There is nothing to spend. Buy Sparks, or subscribe to a plan.</p>;
  }
  return (
    <Table
      caption="What that is made of, in the order in which it is spent"
      columns={[{ title: 'From' }, { title: 'Sparks left', number: true }, { title: 'Until' }]}
      rows={grants.map((grant) => ({
        key: grant.id,
        cells: [
          SOURCES[grant.source],
          printed(grant.remaining),
          grant.expires_at === null ? 'without an end' : <Until at={grant.expires_at} />,
        ],
      }))}
    />
  );
}
