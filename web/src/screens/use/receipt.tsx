// The receipt of a usage: its cost line by line, and its delivery to Langfuse and Stripe.

import type { Schemas } from '../../api';
import { printed, spoken, usd } from '../../sparks';
import { Table } from '../../table';
import { Moment } from '../../when';

type Line = Schemas['ReceiptLines'][number];
type Status = Schemas['DeliveryStatus'];

export const METERS: Record<Line['meter'], string> = {
  ai_tokens: 'Tokens',
  compute: 'Compute',
  storage: 'Storage',
};

const STATUSES: Record<Status, string> = {
  confirmed: 'delivered',
  pending: 'will be sent again',
  parked: 'rejected; our team has been notified',
  off: 'not used here',
};

/** The lines, which add up to the total. The provider's cost is shown only if the deployment returns it. */
export function Lines({ lines }: { lines: Line[] }) {
  const withCost = lines.some((line) => line.provider_cost_usd);
  return (
    <Table
      caption="Cost by line"
      columns={[
        { title: 'Item' },
        ...(withCost ? [{ title: 'Provider cost', number: true }] : []),
        { title: 'Sparks', number: true },
      ]}
      rows={lines.map((line, number) => ({
        key: String(number),
        cells: [
          line.model === null ? METERS[line.meter] : `${METERS[line.meter]}, ${line.model}`,
          ...(withCost ? [line.provider_cost_usd ? usd(line.provider_cost_usd) : '–'] : []),
          printed(line.sparks),
        ],
      }))}
    />
  );
}

interface ReceiptProps {
  value: Schemas['UsageReceipt'];
  /** True if the receipt was read again by its key. */
  replayed: boolean;
  busy: boolean;
  again: () => void;
  done: () => void;
}

export function Receipt({ value, replayed, busy, again, done }: ReceiptProps) {
  const { langfuse, stripe } = value.delivery;
  return (
    <section class="card" aria-label="Receipt" aria-live="polite">
      <p class="total">
        {spoken(value.sparks)} <span class="unit">Sparks</span>
      </p>
      <p>
        {replayed ? 'were charged only once' : 'were charged'}, and{' '}
        <strong>{spoken(value.balance.available)}</strong> are left.
      </p>
      <Lines lines={value.lines} />
      <dl>
        <Told who="Langfuse" status={langfuse.status} kind="trace" id={langfuse.trace_id} />
        <Told who="Stripe’s meter" status={stripe.status} kind="event" id={stripe.identifier} />
        <Fact name="Recorded">
          <Moment at={value.recorded_at} />
        </Fact>
        <Fact name="Price version">{value.price_version}</Fact>
      </dl>
      <p class="actions">
        <button type="button" onClick={done}>
          Record another
        </button>
        <button type="button" class="quiet" onClick={again} disabled={busy}>
          Refresh
        </button>
      </p>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Told({ who, status, kind, id }: { who: string; status: Status; kind: string; id: string }) {
  return (
    <Fact name={who}>
      <span class={`status ${status}`}>{status}</span> {STATUSES[status]}
      <span class="id">
        {kind} {id}
      </span>
    </Fact>
  );
}
