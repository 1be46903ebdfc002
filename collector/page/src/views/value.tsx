// A value that a click includes in the filter or excludes from it.
//
// Must stay true: what is shown has no characters that hide (text.ts); what goes into the filter is the value as it is.
import {useEffect, useRef, useState} from 'preact/hooks';
import {go, read} from '../address';
import {equals, narrowed} from '../condition';
import {copy, visible} from '../text';
import {Copy, Minus, Plus} from './icons';

export function narrow(field: string, value: string, include: boolean) {
  const {filter} = read();
  go({path: '/', filter: narrowed(filter, field, value, include)});
}

interface Opened {
  field: string;
  value: string;
  at: DOMRect;
  opener: HTMLElement;
}
let openMenu: (opened: Opened) => void = () => {};

// Inside a line: the text is a button with a menu.
export function Value({field, value, label}: {field: string; value: string; label?: string}) {
  if (value === '') return null;
  const text = label ?? visible(value);
  return (
    <button
      class="value"
      type="button"
      aria-haspopup="menu"
      title={`${field}: ${visible(value)}`}
      onClick={event => {
        event.stopPropagation();
        const opener = event.currentTarget;
        openMenu({field, value, at: opener.getBoundingClientRect(), opener});
      }}
    >
      {text}
    </button>
  );
}

// Beside a value that stands in a list: both choices at once.
export function Narrowing({field, value}: {field: string; value: string}) {
  if (equals(field, value) === null) return null;
  const what = `${field} = ${visible(value).slice(0, 80)}`;
  return (
    <span class="narrowing">
      <button
        class="quiet tiny"
        type="button"
        aria-label={`Only ${what}`}
        title={`Only ${what}`}
        onClick={() => narrow(field, value, true)}
      >
        <Plus />
      </button>
      <button class="quiet tiny" type="button" aria-label={`Not ${what}`} title={`Not ${what}`} onClick={() => narrow(field, value, false)}>
        <Minus />
      </button>
    </span>
  );
}

// Stands once in the page; any Value opens it.
export function ValueMenu() {
  const [opened, set] = useState<Opened | null>(null);
  const menu = useRef<HTMLDivElement>(null);
  openMenu = set;
  const close = (back: boolean) => {
    if (back) opened?.opener.focus();
    set(null);
  };
  useEffect(() => {
    if (!opened) return;
    menu.current!.querySelector<HTMLElement>('[role=menuitem]')!.focus();
    const outside = (event: Event) => {
      if (!menu.current?.contains(event.target as Node)) set(null);
    };
    addEventListener('pointerdown', outside);
    addEventListener('scroll', outside, true);
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('scroll', outside, true);
    };
  }, [opened]);
  if (!opened) return null;
  const {field, value, at} = opened;
  const left = Math.max(8, Math.min(at.left, innerWidth - 268));
  const below = at.bottom + 150 < innerHeight;
  const style = below ? {left: `${left}px`, top: `${at.bottom + 4}px`} : {left: `${left}px`, bottom: `${innerHeight - at.top + 4}px`};
  const possible = equals(field, value) !== null;
  const act = (run: () => void) => () => {
    close(true);
    run();
  };
  const move = (event: KeyboardEvent) => {
    const items = [...menu.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
    const here = items.indexOf(document.activeElement as HTMLElement);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step) items[(here + step + items.length) % items.length]!.focus();
    else if (event.key === 'Escape') close(true);
    else if (event.key === 'Tab') return close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={menu} class="menu" role="menu" aria-label={field} style={style} onKeyDown={move}>
      <p class="menu-head" role="presentation">
        <span class="muted">{field}</span>
        <span class="mono">{visible(value).slice(0, 200)}</span>
      </p>
      {possible && (
        <button role="menuitem" type="button" onClick={act(() => narrow(field, value, true))}>
          <Plus /> Only this
        </button>
      )}
      {possible && (
        <button role="menuitem" type="button" onClick={act(() => narrow(field, value, false))}>
          <Minus /> Not this
        </button>
      )}
      <button role="menuitem" type="button" onClick={act(() => void copy(value))}>
        <Copy /> Copy the value
      </button>
    </div>
  );
}
