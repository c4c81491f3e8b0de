// Turns the rows of a usage history into daily series for a chart.

import { eachDayOfInterval } from 'date-fns/eachDayOfInterval';
import { formatISO } from 'date-fns/formatISO';
import { subDays } from 'date-fns/subDays';
import type { Schemas } from '../../api';
import { milli } from '../../sparks';
import { METERS } from '../use/receipt';

type History = Schemas['UsageHistory'];

export interface Series {
  name: string;
  /** Thousandths of a Spark per day. */
  amounts: bigint[];
}

export interface Days {
  /** Every day, such as `2026-11-22`, including those without usage. */
  days: string[];
  /** Largest first. */
  series: Series[];
  total: bigint;
}

/** The number of distinguishable colours; further series are merged into one. */
const MAX_SERIES = 8;

const OTHERS = 'All others';

/** Returns the display name of a row's model or meter. */
export function named(row: History['rows'][number], group: History['group_by']): string {
  if (group === 'meter' || row.group === null) {
    return row.meter === 'ai_tokens' && group !== 'meter' ? 'Tokens without a model' : METERS[row.meter];
  }
  return row.group;
}

/** Sums rows by day and name, exactly. */
export function byDay(history: History): Days {
  // `to` is the midnight at the end of the last day.
  const last = subDays(new Date(history.to.slice(0, 10).concat('T00:00')), 1);
  const interval = { start: new Date(history.from.slice(0, 10).concat('T00:00')), end: last };
  const days = eachDayOfInterval(interval).map((day) => formatISO(day, { representation: 'date' }));
  const place = new Map(days.map((day, index) => [day, index]));
  const sums = new Map<string, bigint[]>();
  for (const row of history.rows) {
    const name = named(row, history.group_by);
    const amounts = sums.get(name) ?? days.map(() => 0n);
    const index = place.get(row.start.slice(0, 10));
    if (index !== undefined) {
      amounts[index] = (amounts[index] ?? 0n) + milli(row.sparks);
    }
    sums.set(name, amounts);
  }
  const series = [...sums].map(([name, amounts]) => ({ name, amounts }));
  series.sort((one, other) => (sum(one.amounts) < sum(other.amounts) ? 1 : -1));
  return { days, series: few(series), total: series.reduce((all, { amounts }) => all + sum(amounts), 0n) };
}

function few(series: Series[]): Series[] {
  if (series.length <= MAX_SERIES) {
    return series;
  }
  const rest = series.slice(MAX_SERIES - 1);
  const amounts = rest.reduce(
    (all, one) => all.map((amount, day) => amount + (one.amounts[day] ?? 0n)),
    rest[0]?.amounts.map(() => 0n) ?? [],
  );
  return [...series.slice(0, MAX_SERIES - 1), { name: OTHERS, amounts }];
}

function sum(amounts: bigint[]): bigint {
  return amounts.reduce((all, amount) => all + amount, 0n);
}
