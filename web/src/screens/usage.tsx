// Usage by day: a chart, and the same numbers as a table.

import { formatISO } from 'date-fns/formatISO';
import { subDays } from 'date-fns/subDays';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, type Schemas } from '../api';
import { useSession } from '../app';
import { useReading } from '../reading';
import { count, decimal, printed, spoken } from '../sparks';
import { Table } from '../table';
import { Trouble } from '../trouble';
import type { Chart } from './usage/chart';
import { byDay, type Days, named } from './usage/days';

type History = Schemas['UsageHistory'];
type Group = 'meter' | 'model';

const SPANS = [7, 30, 90];

/** The user's time zone, which defines their days. */
const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function Usage() {
  const { api } = useSession();
  const [group, setGroup] = useState<Group>('model');
  const [span, setSpan] = useState(30);
  const from = formatISO(subDays(new Date(), span - 1), { representation: 'date' });
  const query = { from, granularity: 'day', group_by: group, tz: TIME_ZONE } as const;
  const { value, failure, again } = useReading(
    () => ask(api.GET('/v1/usage', { params: { query } })),
    [api, from, group],
  );
  return (
    <>
      <div class="controls">
        <Choice
          name="group"
          label="Group by"
          value={group}
          choose={setGroup}
          of={{ model: 'model', meter: 'kind' }}
        />
        <label for="span">Days</label>
        <select id="span" value={span} onChange={(event) => setSpan(Number(event.currentTarget.value))}>
          {SPANS.map((days) => (
            <option key={days} value={days}>
              {days}
            </option>
          ))}
        </select>
      </div>
      {failure && <Trouble failure={failure} again={again} />}
      {!value && !failure && <p class="waiting">Loading your usage…</p>}
      {value?.rows.length === 0 && (
        <p>
          No usage in this period. <a href="/use">Use Sparks</a>
        </p>
      )}
      {value && value.rows.length > 0 && <Shown history={value} />}
    </>
  );
}

interface ChoiceProps<T extends string> {
  name: string;
  label: string;
  value: T;
  choose: (value: T) => void;
  of: Record<T, string>;
}

function Choice<T extends string>({ name, label, value, choose, of }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {(Object.keys(of) as T[]).map((option) => (
        <label key={option}>
          <input type="radio" name={name} checked={option === value} onChange={() => choose(option)} />{' '}
          {of[option]}
        </label>
      ))}
    </fieldset>
  );
}

function Shown({ history }: { history: History }) {
  const days = byDay(history);
  return (
    <>
      <p>
        <strong>{spoken(decimal(days.total))} Sparks</strong> in {days.days.length} days.
      </p>
      <LateChart days={days} />
      <details>
        <summary>Show as a table</summary>
        <Table
          caption="Usage by day"
          columns={[
            { title: 'Day' },
            { title: 'Item' },
            { title: 'Quantity', number: true },
            { title: 'Sparks', number: true },
          ]}
          rows={history.rows.map((row, number) => ({
            key: String(number),
            cells: [row.start.slice(0, 10), named(row, history.group_by), quantity(row), printed(row.sparks)],
          }))}
        />
      </details>
    </>
  );
}

function quantity({ meter, quantity }: History['rows'][number]): string {
  switch (meter) {
    case 'ai_tokens':
      return `${count(Number(quantity))} tokens`;
    case 'compute':
      return `${count(Number(quantity))} ms`;
    case 'storage':
      return `${quantity} GB·h`;
  }
}

/** The chart, whose code is loaded on demand, so that no other screen waits for it. */
function LateChart({ days }: { days: Days }) {
  const [loaded, setLoaded] = useState<{ Chart: ComponentType<Parameters<typeof Chart>[0]> }>();
  useEffect(() => {
    // If it cannot be loaded, the table remains.
    import('./usage/chart').then(setLoaded, () => {});
  }, []);
  return <div class="chart">{loaded && <loaded.Chart days={days} />}</div>;
}
