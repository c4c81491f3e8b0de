// The plan: its status, and links to Stripe's portal, where it is changed.

import { useEffect, useState } from 'preact/hooks';
import { ask, type Failure, type Schemas } from '../api';
import { useSession } from '../app';
import { useReading } from '../reading';
import { Table } from '../table';
import { Trouble } from '../trouble';
import { Moment, Until } from '../when';

type Standing = Schemas['SubscriptionStanding'];
type Flow = Schemas['PortalRequest']['flow'];

const FLOWS: [Flow, string][] = [
  [undefined, 'Manage at Stripe'],
  ['subscription_update', 'Change plan'],
  ['payment_method_update', 'Update card'],
  ['subscription_cancel', 'Cancel'],
];

const STATUSES: Record<string, string> = {
  trialing: 'Your trial is running.',
  active: 'Sparks are credited each period.',
  past_due: 'The last payment failed. Update your card to keep the plan.',
  unpaid: 'The plan is unpaid. Update your card to keep it.',
  paused: 'The plan is paused.',
  canceled: 'The plan has ended.',
  incomplete: 'The first payment is not complete.',
};

export function Plan() {
  const { api, balance } = useSession();
  const { value, failure, busy, again } = useReading(() => ask(api.GET('/v1/subscription')), [api]);
  useEffect(() => {
    // On return from the portal, the browser may restore the page from its cache.
    const back = (event: PageTransitionEvent) => event.persisted && again();
    addEventListener('pageshow', back);
    return () => removeEventListener('pageshow', back);
  }, [again]);
  const catalog = useReading(() => ask(api.GET('/v1/catalog')), [api]);
  const known = catalog.value?.plans.find((plan) => plan.item === value?.plan);
  const name = known?.name ?? value?.plan ?? 'A plan not in the catalogue';
  const asOf = value?.as_of;
  // Reading a subscription grants its paid periods
  useEffect(() => {
    if (asOf) {
      balance.again();
    }
  }, [asOf]);
  return (
    <>
      {failure && <Trouble failure={failure} again={again} />}
      {!value && !failure && <p class="waiting">Loading your plan…</p>}
      {value && <Shown standing={value} name={name} busy={busy} again={again} />}
    </>
  );
}

interface ShownProps {
  standing: Standing;
  /** The display name of the best plan. */
  name: string;
  busy: boolean;
  again: () => void;
}

function Shown({ standing, name, busy, again }: ShownProps) {
  if (standing.status === 'none') {
    return (
      <section class="card" aria-label="Plan">
        <h2>No plan</h2>
        <p>A plan adds Sparks each month, besides the free ones.</p>
        <p class="actions">
          <a class="button" href="/buy">
            See the plans
          </a>
        </p>
      </section>
    );
  }
  return (
    <>
      <section class="card" aria-label="Plan" aria-live="polite">
        <h2>{name}</h2>
        <p>
          <span class={`status ${standing.status}`}>{standing.status}</span>{' '}
          {STATUSES[standing.status] ?? 'The plan is not active.'}
        </p>
        <Ends standing={standing} />
        {standing.source === 'stored' && (
          <p class="note">
            Stripe does not respond. This is the status as of <Moment at={standing.as_of} />.
          </p>
        )}
        <Portal status={standing.status} ends={standing.cancel_at !== null} />
        <p class="actions">
          <button type="button" class="quiet" onClick={again} disabled={busy}>
            Refresh
          </button>
        </p>
      </section>
      {standing.subscriptions.length > 1 && <All subscriptions={standing.subscriptions} />}
    </>
  );
}

function Ends({ standing }: { standing: Standing }) {
  if (standing.cancel_at) {
    return (
      <p>
        It ends on <Until at={standing.cancel_at} /> and does not renew.
      </p>
    );
  }
  return standing.current_period_end && standing.status === 'active' ? (
    <p>
      It renews on <Until at={standing.current_period_end} />.
    </p>
  ) : null;
}

/** Opens the portal. Each click opens a new page, so no key is needed. */
function Portal({ status, ends }: { status: string; ends: boolean }) {
  const { api } = useSession();
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  const open = async (flow: Flow) => {
    setBusy(true);
    const answer = await ask(
      api.POST('/v1/portal', {
        body: { return_url: `${location.origin}/account`, ...(flow ? { flow } : {}) },
      }),
    );
    setBusy(false);
    if (answer.ok) {
      location.assign(answer.value.url);
    } else {
      setFailure(answer.failure);
    }
  };
  const offered = FLOWS.filter(
    ([flow]) => !flow || (status !== 'canceled' && !(flow === 'subscription_cancel' && ends)),
  );
  return (
    <>
      <p class="actions">
        {offered.map(([flow, label]) => (
          <button
            key={label}
            type="button"
            class={flow ? 'quiet' : undefined}
            disabled={busy}
            onClick={() => void open(flow)}
          >
            {label}
          </button>
        ))}
      </p>
      {failure && <Trouble failure={failure} />}
    </>
  );
}

function All({ subscriptions }: { subscriptions: Standing['subscriptions'] }) {
  return (
    <Table
      caption="All subscriptions"
      columns={[{ title: 'Plan' }, { title: 'Status' }, { title: 'Current period ends' }]}
      rows={subscriptions.map((one) => ({
        key: one.id,
        cells: [
          one.plan ?? 'not in the catalogue',
          one.status,
          one.current_period_end ? <Moment at={one.current_period_end} /> : '–',
        ],
      }))}
    />
  );
}
