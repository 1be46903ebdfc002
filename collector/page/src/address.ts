// The state of the page that a link carries: path and query of the address.
//
// Must stay true: what the address says is all that decides which alerts are seen; a change by hand or by the browser's buttons is
// followed; values that are none are taken as not given.
import {useEffect, useState} from 'preact/hooks';

export const RANGES: [key: string, label: string, seconds: number][] = [
  ['15m', 'Last 15 minutes', 900],
  ['1h', 'Last hour', 3600],
  ['6h', 'Last 6 hours', 6 * 3600],
  ['24h', 'Last 24 hours', 86400],
  ['7d', 'Last 7 days', 7 * 86400],
  ['30d', 'Last 30 days', 30 * 86400],
];
const DEFAULT_RANGE = '1h';
const NAMES = ['filter', 'q', 'priority', 'range', 'from', 'to', 'alert', 'agent', 'ruleset'] as const;

export type Name = (typeof NAMES)[number];
export type Place = {path: string} & Record<Name, string>;

const isTime = (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/.test(text);

export function read(): Place {
  const query = new URLSearchParams(location.search);
  const place: Place = {
    path: location.pathname,
    filter: '',
    q: '',
    priority: '',
    range: '',
    from: '',
    to: '',
    alert: '',
    agent: '',
    ruleset: '',
  };
  for (const name of NAMES) place[name] = query.get(name) ?? '';
  if (!isTime(place.from) || !isTime(place.to) || place.from >= place.to) place.from = place.to = '';
  if (!RANGES.some(([key]) => key === place.range)) place.range = DEFAULT_RANGE;
  if (!/^\d+-\d+$/.test(place.alert)) place.alert = '';
  return place;
}

export function write(place: Place): string {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const isDefault = name === 'range' && (place.range === DEFAULT_RANGE || place.from !== '');
    if (place[name] && !isDefault) query.set(name, place[name]);
  }
  const text = query.toString();
  return place.path + (text ? `?${text}` : '');
}

const listeners = new Set<() => void>();
const tell = () => listeners.forEach(l => l());
addEventListener('popstate', tell);

// `replace`: the browser's back button does not come here again.
export function go(change: Partial<Place>, replace = false) {
  const next = write({...read(), ...change});
  if (next === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', next);
  else history.pushState(null, '', next);
  tell();
}

export const linkTo = (change: Partial<Place>) => write({...read(), ...change});

// For onClick of a link inside the page: a plain click goes there without loading it again.
export function follow(change: Partial<Place>) {
  return (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(change);
  };
}

export function usePlace(): Place {
  const [place, set] = useState(read);
  useEffect(() => {
    const changed = () => set(read());
    listeners.add(changed);
    changed();
    return () => void listeners.delete(changed);
  }, []);
  return place;
}

// The limits of time that the place stands for. `live`: it ends with the present.
export function limits(place: Place, now: number): {from: string; to: string; live: boolean} {
  if (place.from) return {from: place.from, to: place.to, live: false};
  const seconds = RANGES.find(([key]) => key === place.range)![2];
  return {from: new Date(now - seconds * 1000).toISOString(), to: '', live: true};
}
