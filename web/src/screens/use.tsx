// Something billable, from the form to the receipt. Your app does the work where this page has a form.

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

/** How far the action of this tab is. */
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
    return <p class="waiting">Reading the receipt…</p>;
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
      <p>Your app records what it does for a person. Here you do that by hand.</p>
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

/** Carries out the action of this tab, and remembers it until it is certain what came of it. */
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
    // What is refused needs another request. Whatever else happened, the same key leads to the same charge.
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
    // The receipt of before a reload is read again, by its key.
    if (standing.action?.recorded) {
      void record(standing.action);
    }
  });
  return { standing, record: (what: Action | Schemas['UsageRequest']) => void record(what), forget };
}

/** What is to be known before a key is given up. */
const FORGOTTEN = 'Forgetting it takes nothing back: it may have been charged already.';

/** What a reload, a closed lid or a payment came in between of. */
function Unfinished({ record, forget }: { record: () => void; forget: () => void }) {
  return (
    <section class="card note">
      <h2>One action is not finished</h2>
      <p>It has its key already, so sending it again charges it once, even if it had arrived. {FORGOTTEN}</p>
      <p class="actions">
        <button type="button" onClick={record}>
          Record it
        </button>
        <button type="button" class="quiet" onClick={forget}>
          Forget it
        </button>
      </p>
    </section>
  );
}

interface RefusedProps {
  failure: Failure;
  /** Sends the same action again, where there is one to be finished. */
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
          Forget it
        </button>
      )}
    </Trouble>
  );
}
