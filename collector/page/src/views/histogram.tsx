// How many alerts of each severity came when. Drawn by uPlot; dragging over it chooses a time.
import {useEffect, useRef, useState} from 'preact/hooks';
import uPlot from 'uplot';
import {go} from '../address';
import type {Histogram as Data} from '../api';
import {GROUPS} from '../severity';
import {clock, count, day} from '../text';
import {colour, onTheme} from '../theme';

const HEIGHT = 112;
const FONT = '11px system-ui, sans-serif';

// For each group the counts of it and of all groups below: bars are drawn over each other, the tallest first.
function stacked(data: Data): uPlot.AlignedData {
  const times = data.bars.map(b => Date.parse(b.start) / 1000);
  const rows = GROUPS.map(() => new Array<number>(times.length).fill(0));
  data.bars.forEach((bar, i) => {
    let sum = 0;
    for (let g = GROUPS.length - 1; g >= 0; --g) {
      for (const s of GROUPS[g]!.severities) sum += bar.counts[s] ?? 0;
      rows[g]![i] = sum;
    }
  });
  return [times, ...rows] as uPlot.AlignedData;
}

function totals(bars: Data['bars']): number[] {
  return GROUPS.map(g => bars.reduce((sum, b) => sum + g.severities.reduce((n, s) => n + (b.counts[s] ?? 0), 0), 0));
}

// Days where the marks are days apart, otherwise hours and minutes, with the day at midnight.
function timeLabel(seconds: number, between: number): string {
  const iso = new Date(seconds * 1000).toISOString();
  const hour = clock(iso).slice(0, 5);
  if (between >= 86400 || hour === '00:00') return day(iso).slice(5);
  return hour;
}

function options(width: number, step: number, onHover: (index: number | null) => void): uPlot.Options {
  const axis = {stroke: colour('muted'), font: FONT, grid: {stroke: colour('line-soft'), width: 1}, ticks: {show: false}};
  const bars = uPlot.paths.bars!({size: [0.86, 64], align: 1, gap: 1});
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: {show: false},
    cursor: {y: false, points: {show: false}, drag: {x: true, y: false, setScale: false}},
    scales: {x: {time: true, range: (_u, min, max) => [min, max + step]}, y: {range: (_u, _min, max) => [0, Math.max(4, max * 1.08)]}},
    axes: [
      {
        ...axis,
        size: 22,
        gap: 4,
        grid: {show: false},
        space: 80,
        values: (_u, splits, _axis, _space, incr) => splits.map(t => timeLabel(t, incr)),
      },
      {
        ...axis,
        size: 40,
        space: 28,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8],
        values: (_u, values) => values.map(v => (v >= 1e6 ? `${v / 1e6}M` : v >= 1e4 ? `${v / 1e3}k` : String(v))),
      },
    ],
    series: [
      {},
      ...GROUPS.map(g => ({label: g.label, paths: bars, points: {show: false}, width: 0, fill: colour(g.name), stroke: colour(g.name)})),
    ],
    hooks: {
      setCursor: [u => onHover(u.cursor.idx ?? null)],
      setSelect: [
        u => {
          if (u.select.width < 4) return;
          const at = (x: number) => new Date(Math.round(u.posToVal(x, 'x')) * 1000).toISOString();
          const from = at(u.select.left);
          const to = at(u.select.left + u.select.width);
          u.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
          if (from < to) go({from, to, alert: ''});
        },
      ],
    },
  };
}

export function Histogram({data, error}: {data: Data | null; error: string}) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const [drawing, redraw] = useState(0);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => onTheme(() => redraw(n => n + 1)), []);

  // A new chart for another step or other colours, new values in the same one otherwise.
  const step = data?.step ?? 0;
  useEffect(() => {
    const element = box.current!;
    if (!latest.current) return;
    const made = new uPlot(options(element.clientWidth, step, setHover), stacked(latest.current), element);
    chart.current = made;
    const resized = new ResizeObserver(() => element.clientWidth > 0 && made.setSize({width: element.clientWidth, height: HEIGHT}));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [step, drawing]);
  useEffect(() => {
    if (data && chart.current) chart.current.setData(stacked(data));
  }, [data]);

  const bar = hover !== null ? data?.bars[hover] : undefined;
  const sums = totals(bar ? [bar] : (data?.bars ?? []));
  const all = sums.reduce((a, b) => a + b, 0);
  const said = `Alerts over time, ${count(all)} in all: ${GROUPS.map((g, i) => `${g.label} ${sums[i]}`).join(', ')}.`;
  return (
    <figure class="histogram" aria-label="Alerts over time">
      <figcaption class="legend">
        <span class="legend-total">
          <b>{count(all)}</b> {bar ? `from ${day(bar.start)} ${clock(bar.start).slice(0, 5)}` : all === 1 ? 'alert' : 'alerts'}
        </span>
        {GROUPS.map((g, i) => (
          <span key={g.name} class={sums[i] ? '' : 'muted'}>
            <i class={`swatch ${g.name}`} />
            {g.label} <b>{count(sums[i]!)}</b>
          </span>
        ))}
        {data && !data.complete && <span class="muted">counted in part: the time was over</span>}
        {error && <span class="form-error">{error}</span>}
      </figcaption>
      <div ref={box} class="chart" role="img" aria-label={said} />
    </figure>
  );
}
