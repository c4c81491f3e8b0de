// The plan: how it stands, and the way to Stripe's portal, where it is changed.

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
  ['subscription_update', 'Change the plan'],
  ['payment_method_update', 'Change the card'],
  ['subscription_cancel', 'Cancel'],
];

const STATUSES: Record<string, string> = {
  trialing: 'You are trying it out.',
  active: 'Its Sparks come with each period.',
  past_due: 'The last payment failed. Change the card, so that the plan goes on.',
  unpaid: 'It is not paid. Change the card, so that the plan goes on.',
  paused: 'It is paused.',
  canceled: 'It has ended.',
  incomplete: 'The first payment is not complete.',
};

export function Plan() {
  const { api, balance } = useSession();
  const { value, failure, busy, again } = useReading(() => ask(api.GET('/v1/subscription')), [api]);
  useEffect(() => {
    // Back from the portal, a browser may show the page as it was left.
    const back = (event: PageTransitionEvent) => event.persisted && again();
    addEventListener('pageshow', back);
    return () => removeEventListener('pageshow', back);
  }, [again]);
  const catalog = useReading(() => ask(api.GET('/v1/catalog')), [api]);
  const known = catalog.value?.plans.find((plan) => plan.item === value?.plan);
  const name = known?.name ?? value?.plan ?? 'A plan of another catalogue';
  const asOf = value?.as_of;
  // Reading a subscription grants what it has paid for
  useEffect(() => {
    if (asOf) {
      balance.again();
    }
  }, [asOf]);
  return (
    <>
      {failure && <Trouble failure={failure} again={again} />}
      {!value && !failure && <p class="waiting">Asking Stripe how you are subscribed…</p>}
      {value && <Shown standing={value} name={name} busy={busy} again={again} />}
    </>
  );
}

interface ShownProps {
  standing: Standing;
  /** The best plan's, for a person. */
  name: string;
  busy: boolean;
  again: () => void;
}

function Shown({ standing, name, busy, again }: ShownProps) {
  if (standing.status === 'none') {
    return (
      <section class="card" aria-label="Plan">
        <h2>No plan</h2>
        <p>A plan brings Sparks each month. Free ones come by themselves.</p>
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
          {STATUSES[standing.status] ?? 'It is not active.'}
        </p>
        <Ends standing={standing} />
        {standing.source === 'stored' && (
          <p class="note">
            Stripe does not answer; this is how it stood on <Moment at={standing.as_of} />.
          </p>
        )}
        <Portal status={standing.status} ends={standing.cancel_at !== null} />
        <p class="actions">
          <button type="button" class="quiet" onClick={again} disabled={busy}>
            Look again
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
        It ends on <Until at={standing.cancel_at} />, and is not renewed.
      </p>
    );
  }
  return standing.current_period_end && standing.status === 'active' ? (
    <p>
      It is renewed on <Until at={standing.current_period_end} />.
    </p>
  ) : null;
}

/** Opens the portal. Each click opens a page of its own, so it needs no key. */
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
          one.plan ?? 'of another catalogue',
          one.status,
          one.current_period_end ? <Moment at={one.current_period_end} /> : '–',
        ],
      }))}
    />
  );
}
