// Times, as a person reads them: the platform formats them, and date-fns knows how far off they are.

import { formatDistanceToNow } from 'date-fns/formatDistanceToNow';

const moments = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const days = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** A day and the time, on the clock of the reader. */
export function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{moments.format(new Date(at))}</time>;
}

/** A day, and how far off it is. */
export function Until({ at }: { at: string }) {
  const then = new Date(at);
  return (
    <>
      <time dateTime={at}>{days.format(then)}</time>{' '}
      <span class="fine">{formatDistanceToNow(then, { addSuffix: true })}</span>
    </>
  );
}
