// The estimated cost of a usage, while the user fills in the form.

import { useEffect, useState } from 'preact/hooks';
import { type Answer, ask, type Schemas } from '../../api';
import { useSession } from '../../app';
import { spoken } from '../../sparks';
import { words } from '../../trouble';
import { type Chosen, request } from './form';
import { Lines } from './receipt';

/** The pause after the last change before the API is called. */
const REST_MS = 250;

export function Estimate({ chosen }: { chosen: Chosen }) {
  const { api } = useSession();
  const [answer, setAnswer] = useState<Answer<Schemas['Estimate']>>();
  // Only a changed choice needs a new estimate
  useEffect(() => {
    let current = true;
    // The previous estimate does not apply to this choice.
    setAnswer(undefined);
    const timer = setTimeout(async () => {
      const answer = await ask(api.POST('/v1/estimate', { body: request(chosen) }));
      if (current) {
        setAnswer(answer);
      }
    }, REST_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [api, chosen]);
  if (!answer) {
    return <p class="waiting">Getting the price…</p>;
  }
  if (!answer.ok) {
    const { title, advice } = words(answer.failure);
    return (
      <p class="note">
        No estimate: {title.toLowerCase()}. {advice}
      </p>
    );
  }
  return (
    <>
      <section class="card" aria-label="Estimate">
        <p class="total">
          {spoken(answer.value.sparks)} <span class="unit">Sparks</span>
        </p>
        <p>
          Estimated cost. You have <strong>{spoken(answer.value.available)}</strong>.
        </p>
        <Lines lines={answer.value.lines} />
      </section>
      {!answer.value.sufficient && (
        <p class="note">That is more than you have. Buy Sparks before you record it.</p>
      )}
    </>
  );
}
