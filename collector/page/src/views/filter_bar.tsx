// What is looked for: a condition, words, a priority, a time.
//
// Must stay true: a condition is sent as it was typed; what is wrong with it is said with the server's words and shown at its place.
import {useEffect, useRef, useState} from 'preact/hooks';
import {get, isAbort, Refused} from '../api';
import {go, limits, RANGES, type Place} from '../address';
import {PRIORITIES} from '../severity';
import {clock, day, isToday, visible} from '../text';
import {Cross, Funnel, Search} from './icons';
import {useKey} from './shortcuts';

export interface Mistake {
  message: string;
  offset?: number; // bytes
}

// Where in the text the byte of that number is.
function indexOfByte(text: string, offset: number): number {
  const bytes = new TextEncoder().encode(text).slice(0, offset);
  return new TextDecoder().decode(bytes).length;
}

function MistakeLine({condition, mistake}: {condition: string; mistake: Mistake}) {
  const at = mistake.offset === undefined ? -1 : Math.min(indexOfByte(condition, mistake.offset), condition.length);
  return (
    <div class="mistake" id="mistake" role="alert">
      <span>{visible(mistake.message)}</span>
      {at >= 0 && (
        <code class="mistake-place">
          {at > 60 && '…'}
          {visible(condition.slice(Math.max(0, at - 60), at))}
          <mark>{at < condition.length ? visible(condition[at]!) : '\u2423'}</mark>
          {visible(condition.slice(at + 1, at + 40))}
        </code>
      )}
    </div>
  );
}

// Asks the server about what is being typed, a little after the last key.
function useCheck(condition: string, applied: string): Mistake | null {
  const [mistake, set] = useState<Mistake | null>(null);
  useEffect(() => {
    set(null);
    if (condition.trim() === '' || condition === applied) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get('filter/check', {filter: condition}, abort.signal).catch(e => {
        if (!isAbort(e) && e instanceof Refused) set({message: e.message, offset: e.offset});
      });
    }, 350);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [condition, applied]);
  return mistake;
}

function TimeChoice({place}: {place: Place}) {
  const custom = place.from !== '';
  const short = (iso: string) => (isToday(iso) ? clock(iso) : `${day(iso)} ${clock(iso).slice(0, 5)}`);
  const choose = (value: string) => {
    if (value === 'fixed') {
      const {from} = limits(place, Date.now());
      go({from, to: new Date().toISOString()});
    } else if (value !== 'custom') go({range: value, from: '', to: ''});
  };
  return (
    <select aria-label="Time" value={custom ? 'custom' : place.range} onChange={e => choose(e.currentTarget.value)}>
      {custom && (
        <option value="custom">
          {short(place.from)} – {short(place.to)}
        </option>
      )}
      {RANGES.map(([key, label]) => (
        <option key={key} value={key}>
          {label}
        </option>
      ))}
      {!custom && <option value="fixed">Until this moment, fixed</option>}
    </select>
  );
}

export function FilterBar({place, refused}: {place: Place; refused: Mistake | null}) {
  const [condition, setCondition] = useState(place.filter);
  const [q, setWords] = useState(place.q);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setCondition(place.filter), [place.filter]);
  useEffect(() => setWords(place.q), [place.q]);
  const typed = useCheck(condition, place.filter);
  const mistake = condition === place.filter ? refused : typed;
  useKey(key => {
    if (key !== '/') return false;
    input.current!.focus();
    input.current!.select();
    return true;
  });
  const submit = (event: Event) => {
    event.preventDefault();
    go({filter: condition.trim(), q: q.trim(), alert: ''});
  };
  return (
    <form class="filter" role="search" aria-label="Alerts" onSubmit={submit}>
      <div class="filter-line">
        <div class={`field field-condition${mistake ? ' wrong' : ''}`}>
          <Funnel />
          <input
            ref={input}
            class="mono"
            type="text"
            name="filter"
            value={condition}
            aria-label="Filter: a condition in the language of the rules"
            aria-invalid={mistake ? 'true' : undefined}
            aria-describedby={mistake ? 'mistake' : undefined}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            placeholder="proc.name = nginx and not user.name = root"
            maxLength={8000}
            onInput={e => setCondition(e.currentTarget.value)}
            onKeyDown={e => e.key === 'Escape' && e.currentTarget.blur()}
          />
          {condition && (
            <button
              class="quiet tiny"
              type="button"
              aria-label="Clear the filter"
              title="Clear the filter"
              onClick={() => {
                setCondition('');
                go({filter: ''});
                input.current!.focus();
              }}
            >
              <Cross />
            </button>
          )}
        </div>
        <div class="field field-words">
          <Search />
          <input
            type="text"
            name="q"
            value={q}
            aria-label="Words in output, rule or host"
            placeholder="Words"
            autocomplete="off"
            spellcheck={false}
            maxLength={500}
            onInput={e => setWords(e.currentTarget.value)}
            onKeyDown={e => e.key === 'Escape' && e.currentTarget.blur()}
          />
        </div>
        <select aria-label="Priority" value={place.priority} onChange={e => go({priority: e.currentTarget.value})}>
          <option value="">All priorities</option>
          {PRIORITIES.slice(0, 7).map(p => (
            <option key={p} value={p}>
              {p === 'Emergency' ? p : `${p} and above`}
            </option>
          ))}
        </select>
        <TimeChoice place={place} />
        <button class="primary" type="submit">
          Apply
        </button>
      </div>
      {mistake && <MistakeLine condition={condition} mistake={mistake} />}
    </form>
  );
}
