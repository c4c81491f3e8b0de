// Back from Stripe: whether it is paid is asked, not read from the address. Anybody can come here.

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
      This is where Stripe leads back to after a payment. There is none here. <a href="/buy">Buy Sparks</a>
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
  // Once for each status
  useEffect(() => {
    if (status === 'paid' || status === 'expired' || status === 'mismatch') {
      // The next purchase is another order and gets another key.
      void new OrdersKept(account).end(sessionId);
      balance.again();
    }
  }, [status, account, sessionId]);
  if (failure) {
    return <Trouble failure={failure} again={again} />;
  }
  if (!value) {
    return <p class="waiting">Asking Stripe how the payment stands…</p>;
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
  /** Whether an action waits for these Sparks. */
  waiting: boolean;
}

function Confirmation({ payment, busy, again, waiting }: ConfirmationProps) {
  return (
    <section class="card" aria-live="polite" aria-label="Payment">
      <Status payment={payment} />
      <p class="actions">
        {payment.status === 'paid' && waiting && (
          <a class="button" href="/use">
            Go on where you were
          </a>
        )}
        {payment.status === 'paid' ? (
          <a class={waiting ? 'button quiet' : 'button'} href="/">
            To your balance
          </a>
        ) : (
          <button type="button" onClick={again} disabled={busy}>
            Ask again
          </button>
        )}
        {payment.status !== 'paid' && (
          <a class="button quiet" href="/buy">
            Back to what there is
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
            <strong>{spoken(payment.sparks_credited)} Sparks</strong> were credited. You have{' '}
            <strong>{spoken(payment.balance.available)}</strong> now.
          </p>
        </>
      );
    case 'processing':
      return (
        <>
          <h2>The payment is on its way</h2>
          <p>
            A bank debit takes some days, and a voucher or a transfer until you have paid it. The Sparks come
            by themselves once the money has arrived.
          </p>
        </>
      );
    case 'unpaid':
      return (
        <>
          <h2>Not paid yet</h2>
          <p>
            Nothing was charged. Order the same again: Stripe’s page is still open for you, or a new one opens
            where a bank debit has failed.
          </p>
        </>
      );
    case 'expired':
      return (
        <>
          <h2>That page has ended</h2>
          <p>Nothing was charged. Order again if you still want it.</p>
        </>
      );
  }
}
