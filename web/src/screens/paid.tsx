// The return from Stripe. Anyone can open this address, so the payment is verified with the API.

import { useEffect } from 'preact/hooks';
import { ask, type Schemas } from '../api';
import { useSession } from '../app';
import { ActionKept, OrdersKept } from '../keys';
import { useReading } from '../reading';
import { spoken } from '../sparks';
import { Trouble } from '../trouble';

type Payment = Schemas['VerifiedPayment'];

export function Paid() {
  const { address } = useSession();
  const sessionId = address.searchParams.get('session_id');
  return sessionId ? (
    <Verified sessionId={sessionId} />
  ) : (
    <p>
      Stripe returns you here after a payment. There is no payment to show. <a href="/buy">Buy Sparks</a>
    </p>
  );
}

function Verified({ sessionId }: { sessionId: string }) {
  const { api, account, balance } = useSession();
  const { value, failure, busy, again } = useReading(
    () => ask(api.POST('/v1/checkout/{session_id}/verify', { params: { path: { session_id: sessionId } } })),
    [api, sessionId],
  );
  const mismatch = failure?.by === 'api' && failure.problem.code === 'payment_mismatch';
  const status = mismatch ? 'mismatch' : value?.status;
  // Runs once per status
  useEffect(() => {
    if (status === 'paid' || status === 'expired' || status === 'mismatch') {
      // The next purchase is a new order with a new key.
      void new OrdersKept(account).end(sessionId);
      balance.again();
    }
  }, [status, account, sessionId]);
  if (failure) {
    return <Trouble failure={failure} again={again} />;
  }
  if (!value) {
    return <p class="waiting">Checking your payment…</p>;
  }
  return (
    <Confirmation
      payment={value}
      busy={busy}
      again={again}
      waiting={new ActionKept(account).read()?.recorded === false}
    />
  );
}

interface ConfirmationProps {
  payment: Payment;
  busy: boolean;
  again: () => void;
  /** True if an action is waiting for these Sparks. */
  waiting: boolean;
}

function Confirmation({ payment, busy, again, waiting }: ConfirmationProps) {
  return (
    <section class="card" aria-live="polite" aria-label="Payment">
      <Status payment={payment} />
      <p class="actions">
        {payment.status === 'paid' && waiting && (
          <a class="button" href="/use">
            Continue
          </a>
        )}
        {payment.status === 'paid' ? (
          <a class={waiting ? 'button quiet' : 'button'} href="/">
            Go to your balance
          </a>
        ) : (
          <button type="button" onClick={again} disabled={busy}>
            Check again
          </button>
        )}
        {payment.status !== 'paid' && (
          <a class="button quiet" href="/buy">
            Back to the store
          </a>
        )}
      </p>
    </section>
  );
}

function Status({ payment }: { payment: Payment }) {
  switch (payment.status) {
    case 'paid':
      return (
        <>
          <h2>Paid, thank you</h2>
          <p>
            <strong>{spoken(payment.sparks_credited)} Sparks</strong> were credited. You now have{' '}
            <strong>{spoken(payment.balance.available)}</strong>.
          </p>
        </>
      );
    case 'processing':
      return (
        <>
          <h2>Payment processing</h2>
          <p>
            A bank debit takes a few days; a voucher or a transfer waits until you pay it. Your Sparks are
            credited automatically once the money arrives.
          </p>
        </>
      );
    case 'unpaid':
      return (
        <>
          <h2>Not paid yet</h2>
          <p>
            Nothing was charged. Place the same order again to return to Stripe’s page, or to a new one if a
            bank debit failed.
          </p>
        </>
      );
    case 'expired':
      return (
        <>
          <h2>This payment page has expired</h2>
          <p>Nothing was charged. Order again if you still want it.</p>
        </>
      );
  }
}
