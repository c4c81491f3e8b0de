// Dates and times for people. The platform formats them; date-fns computes the distance from now.

import { formatDistanceToNow } from 'date-fns/formatDistanceToNow';

const moments = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const days = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** A date and time, in the reader's time zone. */
export function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{moments.format(new Date(at))}</time>;
}

/** A date, and its distance from now. */
export function Until({ at }: { at: string }) {
  const then = new Date(at);
  return (
    <>
      <time dateTime={at}>{days.format(then)}</time>{' '}
      <span class="fine">{formatDistanceToNow(then, { addSuffix: true })}</span>
    </>
  );
}
