// A billable action, from the form to the receipt. Your app does its work in place of the form.

import { useState } from 'preact/hooks';
import { ask, type Failure, hadNoEffect, type Schemas, shortage } from '../api';
import { useSession } from '../app';
import { type Action, ActionKept } from '../keys';
import { useMounted } from '../reading';
import { TopUp } from '../top-up';
import { Trouble } from '../trouble';
import { Estimate } from './use/estimate';
import { type Chosen, FIRST, Form, request } from './use/form';
import { Receipt } from './use/receipt';

type Recorded = Schemas['UsageReceipt'];

/** The state of this tab's action. */
interface Standing {
  action: Action | undefined;
  receipt?: { value: Recorded; replayed: boolean } | undefined;
  failure?: Failure | undefined;
  busy?: boolean;
}

export function Use() {
  const { balance } = useSession();
  const [chosen, setChosen] = useState<Chosen>(FIRST);
  const { standing, record, forget } = useAction(balance.again);
  const { action, receipt, failure, busy = false } = standing;
  if (action && !failure && !receipt && !busy) {
    return <Unfinished record={() => record(action)} forget={forget} />;
  }
  if (action?.recorded && !receipt && busy) {
    return <p class="waiting">Loading the receipt…</p>;
  }
  if (receipt && action) {
    return (
      <>
        {failure && <Trouble failure={failure} />}
        <Receipt {...receipt} busy={busy} again={() => record(action)} done={forget} />
      </>
    );
  }
  return (
    <>
      <p>Your app records what it does for a user. Here you record it by hand.</p>
      <div class="columns">
        <Form
          chosen={chosen}
          choose={setChosen}
          locked={action !== undefined}
          busy={busy}
          record={() => record(request(chosen))}
        />
        <div aria-live="polite">
          {!action && <Estimate chosen={chosen} />}
          {busy && <p class="waiting">Recording…</p>}
          {failure && <Refused failure={failure} again={action && (() => record(action))} forget={forget} />}
        </div>
      </div>
    </>
  );
}

/** Carries out this tab's action, and keeps it until its outcome is certain. */
function useAction(changed: () => void) {
  const { api, account } = useSession();
  const [kept] = useState(() => new ActionKept(account));
  const [standing, setStanding] = useState<Standing>(() => {
    const action = kept.read();
    return { action, busy: action?.recorded ?? false };
  });

  const record = async (what: Action | Schemas['UsageRequest']) => {
    const action = 'key' in what ? what : kept.begin(what);
    setStanding((before) => ({ ...before, action, failure: undefined, busy: true }));
    const answer = await ask(
      api.POST('/v1/usage', { params: { header: { 'Idempotency-Key': action.key } }, body: action.request }),
    );
    if (answer.ok) {
      const recorded = { ...action, recorded: true };
      kept.keep(recorded);
      setStanding({ action: recorded, receipt: answer });
      changed();
      return;
    }
    const { failure } = answer;
    // A refused request has to change, so its key is discarded. Otherwise the same key leads to the same charge.
    if (hadNoEffect(failure) && !action.recorded) {
      kept.forget(action);
      setStanding({ action: undefined, failure });
    } else {
      setStanding((before) => ({ ...before, action, failure, busy: false }));
    }
  };
  const forget = () => {
    if (standing.action) {
      kept.forget(standing.action);
    }
    setStanding({ action: undefined });
  };
  useMounted(() => {
    // After a reload, the receipt is read again by its key.
    if (standing.action?.recorded) {
      void record(standing.action);
    }
  });
  return { standing, record: (what: Action | Schemas['UsageRequest']) => void record(what), forget };
}

/** The warning shown before a key is discarded. */
const FORGOTTEN = 'Discarding it undoes nothing: it may already have been charged.';

/** Shown for an action that a reload, a closed lid or a payment interrupted. */
function Unfinished({ record, forget }: { record: () => void; forget: () => void }) {
  return (
    <section class="card note">
      <h2>Unfinished action</h2>
      <p>It has a key, so sending it again charges it only once, even if it arrived before. {FORGOTTEN}</p>
      <p class="actions">
        <button type="button" onClick={record}>
          Record it
        </button>
        <button type="button" class="quiet" onClick={forget}>
          Discard it
        </button>
      </p>
    </section>
  );
}

interface RefusedProps {
  failure: Failure;
  /** Sends the same action again, if it is unfinished. */
  again: (() => void) | undefined;
  forget: () => void;
}

function Refused({ failure, again, forget }: RefusedProps) {
  const short = shortage(failure);
  return (
    <Trouble failure={failure} again={again}>
      {short && <TopUp shortage={short} />}
      {again && !short && <p class="fine">{FORGOTTEN}</p>}
      {again && (
        <button type="button" class="quiet" onClick={forget}>
          Discard it
        </button>
      )}
    </Trouble>
  );
}
