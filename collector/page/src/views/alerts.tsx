// The view of alerts: filter, histogram, top lists, the live feed and the alert that is open.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {get, type Histogram as Bars, type Top as TopData} from '../api';
import {go, limits, type Place} from '../address';
import {EMPTY, Feed, isStream, type FeedState} from '../feed';
import {usePolled} from '../hooks';
import {count} from '../text';
import {Detail} from './detail';
import {FilterBar} from './filter_bar';
import {FeedList} from './feed_list';
import {Histogram} from './histogram';
import {Pause, Play} from './icons';
import {useKey} from './shortcuts';
import {Top} from './top';

const TOPS: [title: string, field: string][] = [
  ['Rules', 'alert.rule'],
  ['Workloads', 'alert.hostname'],
  ['Tags', 'alert.tags'],
];
const QUIET = 60; // seconds after which counts are asked for again though nothing came
const EAGER = 2_500; // ms between two questions while alerts come, if the server answers quickly

interface Stats {
  bars: Bars;
  tops: TopData[];
}

// One question after the other: a search takes a thread of the server for up to three seconds.
async function askStats(place: Place, signal: AbortSignal): Promise<Stats> {
  const {filter, q, priority} = place;
  const {from, to} = limits(place, Date.now());
  const search = {filter, q, priority, from, to};
  const bars = await get<Bars>('stats/histogram', search, signal);
  const tops: TopData[] = [];
  for (const [, field] of TOPS) tops.push(await get<TopData>('stats/top', {...search, field, limit: '8'}, signal));
  return {bars, tops};
}

function useFeed(place: Place, onArrival: () => void) {
  const [state, set] = useState<FeedState>(EMPTY);
  const feed = useRef<Feed | null>(null);
  const {filter, q, priority, range, from, to} = place;
  useEffect(() => {
    set(EMPTY);
    const made = new Feed(place, set, onArrival);
    feed.current = made;
    return () => made.close();
  }, [filter, q, priority, range, from, to]);
  return {state, feed};
}

// Counts again soon after alerts came, but never more than a tenth of the time.
function useStats(place: Place) {
  const cost = useRef(0);
  const key = JSON.stringify([place.filter, place.q, place.priority, place.range, place.from, place.to]);
  const polled = usePolled<Stats>(key, QUIET, async signal => {
    const began = performance.now();
    const stats = await askStats(place, signal);
    cost.current = performance.now() - began;
    return stats;
  });
  const timer = useRef(0);
  const {again} = polled;
  const soon = useMemo(
    () => () => {
      timer.current ||= window.setTimeout(
        () => {
          timer.current = 0;
          if (!document.hidden) again();
        },
        Math.max(EAGER, 10 * cost.current),
      );
    },
    [again],
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return {...polled, soon};
}

function LiveButton({state, feed}: {state: FeedState; feed: {current: Feed | null}}) {
  if (state.live === 'refused')
    return (
      <span class="live-state">
        <i />
        The filter is wrong
      </span>
    );
  if (state.live === 'off')
    return (
      <span class="live-state off">
        <i />
        Fixed time
      </span>
    );
  const words = state.paused ? 'Paused' : {connecting: 'Connecting', live: 'Live', lost: 'Connection lost, trying again'}[state.live];
  return (
    <>
      <span class={`live-state ${state.paused ? 'paused' : state.live}`} role="status">
        <i />
        {words}
      </span>
      <button class="pause" type="button" onClick={() => feed.current?.pause(!state.paused)}>
        {state.paused ? (
          <>
            <Play /> Go on{state.held > 0 && <b> · {count(state.held)} new</b>}
          </>
        ) : (
          <>
            <Pause /> Pause
          </>
        )}
      </button>
    </>
  );
}

export function Alerts({place}: {place: Place}) {
  const stats = useStats(place);
  const {state, feed} = useFeed(place, stats.soon);
  useEffect(() => {
    document.title = place.filter ? `${place.filter} · Undercoat` : 'Alerts · Undercoat';
  }, [place.filter]);
  useKey(key => {
    if (key === 'p' && isStream(state.live)) feed.current?.pause(!state.paused);
    else if (key === 'Escape' && place.alert) go({alert: ''});
    else return false;
    return true;
  });
  const open = place.alert ? state.alerts.find(a => a.id === place.alert) : undefined;
  return (
    <main id="main" tabIndex={-1} class={`alerts${place.alert ? ' with-detail' : ''}`}>
      <h1 class="unseen">Alerts</h1>
      <FilterBar place={place} refused={state.error} />
      <div class={`overview${stats.stale ? ' stale' : ''}`}>
        <Histogram data={stats.value?.bars ?? null} error={state.error ? '' : stats.error} />
      </div>
      <div class="columns">
        <details class="rail" open={matchMedia('(min-width: 900px)').matches}>
          <summary>Most frequent</summary>
          <div class={`tops${stats.stale ? ' stale' : ''}`}>
            {TOPS.map(([title], i) => (
              <Top key={title} title={title} data={stats.value?.tops[i]} />
            ))}
          </div>
        </details>
        <section class="feed" aria-label="Feed">
          <div class="feed-head">
            <LiveButton state={state} feed={feed} />
            {state.skipped > 0 && (
              <span class="muted" title="They came faster than the stream shows; they are stored, and searching finds them.">
                {count(state.skipped)} not shown
              </span>
            )}
            <span class="muted feed-count">
              {!state.error && `${count(state.alerts.length)} listed`}
              {state.error || state.loading || state.next || !state.complete ? '' : ', all'}
            </span>
          </div>
          <FeedList state={state} place={place} onOlder={() => void feed.current?.older()} />
        </section>
        {place.alert && <Detail key={place.alert} id={place.alert} known={open} />}
      </div>
    </main>
  );
}
