// Stacked bars, one per day. The table beside them has the same numbers for screen readers.

import {
  BarController,
  BarElement,
  Chart as Bars,
  CategoryScale,
  Legend,
  LinearScale,
  Tooltip,
} from 'chart.js';
import { useEffect, useRef, useState } from 'preact/hooks';
import { decimal, printed, spoken } from '../../sparks';
import type { Days } from './days';

Bars.register(BarController, BarElement, CategoryScale, LinearScale, Legend, Tooltip);

const labels = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });

export function Chart({ days }: { days: Days }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  // The colours depend on light or dark mode
  useEffect(() => {
    if (!canvas.current) {
      return;
    }
    const chart = drawn(canvas.current, days);
    return () => chart.destroy();
  }, [days, dark]);
  const names = days.series.map((series) => series.name).join(', ');
  return (
    <canvas ref={canvas} role="img" aria-label={`Sparks used by day: ${names}. The table has the numbers.`} />
  );
}

function drawn(canvas: HTMLCanvasElement, { days, series }: Days): Bars {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name);
  const quiet = { color: colour('--quiet'), border: { display: false } };
  return new Bars(canvas, {
    type: 'bar',
    data: {
      labels: days.map((day) => labels.format(new Date(`${day}T00:00`))),
      datasets: series.map(({ name, amounts }, index) => ({
        label: name,
        // Whole thousandths of a Spark, used only for the height of a bar.
        data: amounts.map(Number),
        backgroundColor: colour(`--series-${index + 1}`),
        maxBarThickness: 28,
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: quiet.color, maxRotation: 0 } },
        y: {
          stacked: true,
          border: quiet.border,
          grid: { color: colour('--line') },
          ticks: { color: quiet.color, maxTicksLimit: 6, callback: (value) => sparks(Number(value)) },
        },
      },
      plugins: {
        legend: { position: 'bottom', labels: { color: colour('--text'), boxWidth: 12, boxHeight: 12 } },
        tooltip: {
          filter: ({ raw }) => raw !== 0,
          callbacks: {
            label: ({ datasetIndex, dataIndex }) => {
              const shown = series[datasetIndex];
              return ` ${shown?.name}: ${printed(decimal(shown?.amounts[dataIndex] ?? 0n))}`;
            },
          },
        },
      },
    },
  });
}

/** Formats an axis value, which is in thousandths of a Spark, as Sparks. */
function sparks(height: number): string {
  return spoken(decimal(BigInt(Math.round(height))));
}

/** Returns whether the page is in dark mode now. */
function useDark(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'));
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, [query]);
  return dark;
}
