// The alerts of one view: the first page, older ones on demand, and new ones as they come.
//
// Must stay true: each alert is listed once, newest first, whatever the order of answers and messages; the list and what waits
// while it is paused are bounded; between the first page and the stream nothing is missed: the page is asked for when the stream is on.
import {get, isAbort, type Alert, type AlertPage, Refused, words} from './api';
import {limits, type Place} from './address';
import {Live, type LiveState} from './live';

const PAGE = 100;
const MOST_LIVE = 500; // listed, when new ones come
const MOST_HELD = 500; // kept while paused
const MOST_LOADED = 5000; // by asking for older ones
const TOGETHER = 100; // ms for which new ones wait for others

export interface FeedState {
  alerts: Alert[];
  fresh: Set<string>; // ids that came since the view was opened
  next: string | null; // where older ones begin
  complete: boolean; // false: the server's time was over before the page was full
  loading: boolean;
  error: {message: string; offset?: number} | null;
  live: LiveState | 'refused' | 'off';
  paused: boolean;
  held: number; // arrived while paused
  skipped: number; // fitted, and the server left them out because they came too fast
}

export const EMPTY: FeedState = {
  alerts: [],
  fresh: new Set(),
  next: null,
  complete: true,
  loading: true,
  error: null,
  live: 'off',
  paused: false,
  held: 0,
  skipped: 0,
};

export const isStream = (live: FeedState['live']) => live !== 'refused' && live !== 'off';

function newerFirst(a: Alert, b: Alert): number {
  const [fileA, rowA] = a.id.split('-').map(Number) as [number, number];
  const [fileB, rowB] = b.id.split('-').map(Number) as [number, number];
  return fileB - fileA || rowB - rowA;
}

function merged(a: Alert[], b: Alert[]): Alert[] {
  const known = new Map<string, Alert>();
  for (const alert of [...a, ...b]) known.set(alert.id, alert);
  return [...known.values()].sort(newerFirst);
}

export class Feed {
  private state: FeedState = {...EMPTY};
  private held: Alert[] = [];
  private arrived: Alert[] = [];
  private gap = false; // something was not kept while paused: begin anew
  private timer = 0;
  private readonly abort = new AbortController();
  private live: Live | null = null;

  constructor(
    private readonly place: Place,
    private readonly onChange: (state: FeedState) => void,
    private readonly onArrival: () => void,
  ) {
    if (!limits(place, Date.now()).live) {
      void this.load();
      return;
    }
    const {filter, q, priority} = place;
    this.live = new Live(
      {filter, q, priority},
      {
        onState: state => this.streamed(state),
        onAlerts: (alerts, skipped) => this.take(alerts, skipped),
      },
    );
    this.set({live: 'connecting'});
  }

  close() {
    this.abort.abort();
    this.live?.close();
    clearTimeout(this.timer);
  }

  pause(paused: boolean) {
    this.set({paused, held: 0});
    if (paused) return this.list();
    const held = this.held;
    this.held = [];
    if (this.gap) {
      this.gap = false;
      this.set({alerts: [], fresh: new Set()});
      return void this.load();
    }
    this.arrived.push(...held);
    this.list();
  }

  async older() {
    const before = this.state.next;
    if (!before || this.state.loading) return;
    this.set({loading: true});
    await this.ask({before}, page => {
      this.set({alerts: merged(this.state.alerts, page.alerts).slice(0, MOST_LOADED), next: page.next, complete: page.complete});
    });
  }

  private async load() {
    this.set({loading: true});
    const known = new Set(this.state.alerts.map(a => a.id));
    await this.ask({}, page => {
      // Without a common alert something between them may be missing: begin anew, with what came meanwhile.
      const joins = page.alerts.some(a => known.has(a.id));
      const streamed = this.state.alerts.filter(a => !known.has(a.id));
      if (joins) this.set({alerts: merged(this.state.alerts, page.alerts)});
      else this.set({alerts: merged(page.alerts, streamed), next: page.next, complete: page.complete});
    });
  }

  private async ask(more: {before?: string}, use: (page: AlertPage) => void) {
    const {filter, q, priority} = this.place;
    const {from, to} = limits(this.place, Date.now());
    try {
      use(await get<AlertPage>('alerts', {filter, q, priority, from, to, limit: String(PAGE), ...more}, this.abort.signal));
      this.set({loading: false, error: null});
    } catch (e) {
      if (isAbort(e)) return;
      this.set({loading: false, error: {message: words(e), offset: e instanceof Refused ? e.offset : undefined}});
      // The stream would refuse the same, again and again.
      if (e instanceof Refused && e.status === 400) {
        this.live?.close();
        this.set({live: 'refused'});
      }
    }
  }

  private streamed(live: LiveState | 'refused') {
    if (live === 'refused') return void this.load();
    const first = this.state.live === 'connecting';
    this.set({live});
    if (this.state.paused) this.gap = true;
    else if (live === 'live' || first) void this.load();
  }

  private take(alerts: Alert[], skipped: number) {
    if (this.state.paused) {
      this.held.push(...alerts);
      if (this.held.length > MOST_HELD) {
        this.held = [];
        this.gap = true;
      }
      this.set({held: this.state.held + alerts.length, skipped: this.state.skipped + skipped});
    } else {
      this.arrived.push(...alerts);
      if (skipped) this.set({skipped: this.state.skipped + skipped});
      if (this.arrived.length >= MOST_LIVE) this.list();
      else this.timer ||= window.setTimeout(() => this.list(), TOGETHER);
    }
    this.onArrival();
  }

  // Puts what arrived into the list.
  private list() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.arrived.length === 0) return;
    const fresh = new Set(this.state.fresh);
    for (const alert of this.arrived) fresh.add(alert.id);
    const all = merged(this.state.alerts, this.arrived);
    this.arrived = [];
    const most = Math.min(Math.max(MOST_LIVE, this.state.alerts.length), MOST_LOADED);
    const kept = all.slice(0, most);
    const next = kept.length < all.length ? kept[kept.length - 1]!.id : this.state.next;
    const listed = new Set(kept.map(a => a.id));
    for (const id of fresh) if (!listed.has(id)) fresh.delete(id);
    this.set({alerts: kept, fresh, next});
  }

  private set(change: Partial<FeedState>) {
    this.state = {...this.state, ...change};
    this.onChange(this.state);
  }
}
