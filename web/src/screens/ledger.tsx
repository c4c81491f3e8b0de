// Every change to the balance, newest first. New entries do not shift the pages.

import { useState } from 'preact/hooks';
import { ask, type Schemas } from '../api';
import { useSession } from '../app';
import { useReading } from '../reading';
import { printed } from '../sparks';
import { Table } from '../table';
import { Trouble } from '../trouble';
import { Moment } from '../when';
import { SOURCES } from './balance';
import { METERS } from './use/receipt';

type Entry = Schemas['LedgerEntry'];

const PER_PAGE = 20;

export function Ledger() {
  const { api } = useSession();
  // The cursors of the pages so far. The API only pages forward; going back uses the previous cursor.
  const [path, setPath] = useState<string[]>([]);
  const cursor = path.at(-1);
  const { value, failure, busy, again } = useReading(
    () =>
      ask(api.GET('/v1/ledger', { params: { query: { limit: PER_PAGE, ...(cursor ? { cursor } : {}) } } })),
    [api, cursor],
  );
  // If a page cannot be read, no other page is shown in its place.
  const shown = failure ? undefined : value;
  const next = shown?.next_cursor;
  return (
    <>
      {failure && <Trouble failure={failure} again={again} />}
      {!value && !failure && <p class="waiting">Loading the ledger…</p>}
      {shown?.entries.length === 0 && <p>No entries yet.</p>}
      {shown && shown.entries.length > 0 && <Entries entries={shown.entries} />}
      {value && (
        <nav class="pages" aria-label="Pages">
          <button
            type="button"
            class="quiet"
            disabled={busy || path.length === 0}
            onClick={() => setPath(path.slice(0, -1))}
          >
            Newer
          </button>
          <span aria-live="polite">Page {path.length + 1}</span>
          <button
            type="button"
            class="quiet"
            disabled={busy || !next}
            onClick={() => next && setPath([...path, next])}
          >
            Older
          </button>
        </nav>
      )}
    </>
  );
}

function Entries({ entries }: { entries: Entry[] }) {
  return (
    <Table
      caption="Changes to your balance"
      columns={[{ title: 'Time' }, { title: 'Description' }, { title: 'Sparks', number: true }]}
      rows={entries.map((entry) => ({
        key: entry.id,
        cells: [
          <Moment key="at" at={entry.recorded_at} />,
          <>
            {what(entry)} <span class="id">{entry.id}</span>
          </>,
          printed(entry.amount),
        ],
      }))}
    />
  );
}

/** Describes an entry. */
function what(entry: Entry): string {
  switch (entry.kind) {
    case 'usage':
      return `Used: ${(entry.lines ?? []).map((line) => line.model ?? METERS[line.meter]).join(', ')}`;
    case 'credit':
      return [entry.source && SOURCES[entry.source], entry.item, entry.reason].filter(Boolean).join(', ');
    case 'expiry':
      return 'Expired';
    case 'reversal':
      return 'Reversed';
    case 'restoration':
      return 'Restored';
  }
}
