// The receipt of a usage: what it cost, line by line, and who has been told of it.

import type { Schemas } from '../../api';
import { printed, spoken, usd } from '../../sparks';
import { Table } from '../../table';
import { Moment } from '../../when';

type Line = Schemas['ReceiptLines'][number];
type Status = Schemas['DeliveryStatus'];

export const METERS: Record<Line['meter'], string> = {
  ai_tokens: 'Tokens',
  compute: 'Computing',
  storage: 'Storage',
};

const STATUSES: Record<Status, string> = {
  confirmed: 'has it',
  pending: 'will be told again',
  parked: 'refused it; somebody looks into that',
  off: 'is not used here',
};

/** The lines, which add up to the whole. What they cost at the provider is told only where the deployment shows it. */
export function Lines({ lines }: { lines: Line[] }) {
  const withCost = lines.some((line) => line.provider_cost_usd);
  return (
    <Table
      caption="Line by line"
      columns={[
        { title: 'For' },
        ...(withCost ? [{ title: 'At the provider', number: true }] : []),
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
  /** Whether it was read again, by the key of the first time. */
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
        {replayed ? 'were charged, once,' : 'were charged'} and{' '}
        <strong>{spoken(value.balance.available)}</strong> are left.
      </p>
      <Lines lines={value.lines} />
      <dl>
        <Told who="Langfuse" status={langfuse.status} kind="trace" id={langfuse.trace_id} />
        <Told who="Stripe’s meter" status={stripe.status} kind="event" id={stripe.identifier} />
        <Fact name="Recorded">
          <Moment at={value.recorded_at} />
        </Fact>
        <Fact name="Prices of">{value.price_version}</Fact>
      </dl>
      <p class="actions">
        <button type="button" onClick={done}>
          Record another
        </button>
        <button type="button" class="quiet" onClick={again} disabled={busy}>
          Look again
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
