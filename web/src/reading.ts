// Reading from the API: the latest value, and a way to read it again.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Answer, Failure } from './api';

export interface Reading<T> {
  /** The last successful response. It stays while a newer one is loading or has failed. */
  value: T | undefined;
  failure: Failure | undefined;
  busy: boolean;
  again: () => void;
}

/** Reads when the component appears and whenever `inputs` change; only the newest response counts. */
export function useReading<T>(read: () => Promise<Answer<T>>, inputs: readonly unknown[]): Reading<T> {
  const [value, setValue] = useState<T>();
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(true);
  const newest = useRef(0);
  // The caller lists the dependencies
  const again = useCallback(() => {
    newest.current += 1;
    const mine = newest.current;
    setBusy(true);
    void read().then((answer) => {
      if (mine !== newest.current) {
        return;
      }
      setBusy(false);
      setFailure(answer.ok ? undefined : answer.failure);
      if (answer.ok) {
        setValue(answer.value);
      }
    });
  }, inputs);
  useEffect(again, [again]);
  return { value, failure, busy, again };
}

/** Runs an effect once, when the component appears. */
export function useMounted(effect: () => void): void {
  // No dependencies: it runs once on purpose
  useEffect(effect, []);
}
