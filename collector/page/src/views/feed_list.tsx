// The list of alerts, newest first.
//
// Must stay true: a row is drawn again only when its alert or its state changes, so that a fast stream stays cheap.
import {memo} from 'preact/compat';
import {useRef} from 'preact/hooks';
import type {Alert} from '../api';
import {follow, go, linkTo, RANGES, type Place} from '../address';
import {isStream, type FeedState} from '../feed';
import {groupOf, shortName} from '../severity';
import {clock, day, isToday, scalar, visible} from '../text';
import {useKey} from './shortcuts';
import {Value} from './value';

const of = (alert: Alert, field: string) => scalar(alert.fields[field]) ?? scalar(alert.context[field]) ?? '';

const Row = memo(({alert, fresh, open, link}: {alert: Alert; fresh: boolean; open: boolean; link: string}) => {
  const process = of(alert, 'proc.name');
  return (
    <li class={`row ${groupOf(alert.severity).name}${fresh ? ' fresh' : ''}${open ? ' open' : ''}`}>
      <time class="row-time num" dateTime={alert.time} title={alert.time}>
        {!isToday(alert.time) && <span class="row-day">{day(alert.time)} </span>}
        {clock(alert.time)}
      </time>
      <span class="severity">{shortName(alert.priority)}</span>
      <div class="row-text">
        <a class="row-rule" href={link} aria-current={open ? 'true' : undefined} onClick={follow({alert: alert.id})}>
          {visible(alert.rule)}
        </a>
        <span class="row-output" title={visible(alert.output)}>
          {visible(alert.output)}
        </span>
      </div>
      <span class="row-values">
        <Value field="alert.hostname" value={alert.hostname} />
        <Value field="proc.name" value={process} />
      </span>
    </li>
  );
});

function Nothing({state, place}: {state: FeedState; place: Place}) {
  if (state.loading || state.error) return null;
  const longer = place.from ? [] : RANGES.slice(RANGES.findIndex(([key]) => key === place.range) + 1).filter((_, i) => i % 2 === 0);
  const narrowed = place.filter || place.q || place.priority;
  return (
    <div class="nothing">
      <p>
        <b>No alert {narrowed ? 'fits' : 'came'} in this time.</b>
      </p>
      {isStream(state.live) && <p class="muted">New ones appear here as they come.</p>}
      <p class="nothing-ways">
        {longer.map(([key, label]) => (
          <button key={key} type="button" onClick={() => go({range: key})}>
            {label}
          </button>
        ))}
        {narrowed && (
          <button type="button" onClick={() => go({filter: '', q: '', priority: ''})}>
            Without filter
          </button>
        )}
      </p>
    </div>
  );
}

export function FeedList({state, place, onOlder}: {state: FeedState; place: Place; onOlder: () => void}) {
  const list = useRef<HTMLOListElement>(null);
  useKey(key => {
    const step = key === 'j' || key === 'ArrowDown' ? 1 : key === 'k' || key === 'ArrowUp' ? -1 : 0;
    const links = [...(list.current?.querySelectorAll<HTMLElement>('.row-rule') ?? [])];
    const here = links.indexOf(document.activeElement as HTMLElement);
    // Arrows scroll, unless an alert has the focus.
    if (!step || links.length === 0 || (here < 0 && key.startsWith('Arrow'))) return false;
    const current = here >= 0 ? here : links.findIndex(l => l.getAttribute('aria-current'));
    const next = links[Math.max(0, Math.min(links.length - 1, current + step))]!;
    next.focus();
    next.scrollIntoView({block: 'nearest'});
    return true;
  });
  return (
    <>
      <ol ref={list} class="rows">
        {state.alerts.map(alert => (
          <Row
            key={alert.id}
            alert={alert}
            fresh={state.fresh.has(alert.id)}
            open={alert.id === place.alert}
            link={linkTo({alert: alert.id})}
          />
        ))}
      </ol>
      {state.alerts.length === 0 && <Nothing state={state} place={place} />}
      {state.loading && (
        <p class="muted more" role="status">
          Searching…
        </p>
      )}
      {!state.loading && state.next && (
        <p class="more">
          {!state.complete && <span class="muted">The search took long and was stopped. </span>}
          <button type="button" onClick={onOlder}>
            {state.complete ? 'Older alerts' : 'Search further back'}
          </button>
        </p>
      )}
    </>
  );
}
