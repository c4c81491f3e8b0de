// A table that scrolls on its own on a small screen, also by keyboard.

import type { ComponentChildren } from 'preact';

interface TableProps {
  caption: string;
  columns: { title: string; number?: boolean }[];
  rows: { key: string; cells: ComponentChildren[] }[];
}

export function Table({ caption, columns, rows }: TableProps) {
  const style = (column: number) => (columns[column]?.number ? 'number' : undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section class="scrolls" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title }, column) => (
              <th key={title} scope="col" class={style(column)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, column) => (
                <td key={columns[column]?.title} class={style(column)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
