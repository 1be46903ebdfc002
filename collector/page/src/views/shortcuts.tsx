// Single keys, and the dialog that lists them and turns them off (WCAG 2.1.4).
import {useEffect, useRef, useState} from 'preact/hooks';
import {keep, kept} from '../hooks';

const KEYS: [keys: string, what: string][] = [
  ['/', 'to the filter'],
  ['j k or ↓ ↑', 'next and previous alert'],
  ['Enter', 'open the alert'],
  ['Esc', 'close the alert, leave the filter'],
  ['p', 'pause and go on'],
];

const on = () => kept('keys') !== 'off';
const isText = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

// A view listens to these on the window: `page-key` with the key as detail.
export function useShortcuts() {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (document.querySelector('dialog[open]') || isText(event.target)) return;
      const single = event.key.length === 1;
      if (single && !on()) return;
      if (!dispatchEvent(new CustomEvent('page-key', {detail: event.key, cancelable: true}))) event.preventDefault();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}

// `act` says whether it used the key.
export function useKey(act: (key: string) => boolean) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const pressed = (event: Event) => {
      if (latest.current((event as CustomEvent<string>).detail)) event.preventDefault();
    };
    addEventListener('page-key', pressed);
    return () => removeEventListener('page-key', pressed);
  }, []);
}

export function ShortcutsDialog({onClose}: {onClose: () => void}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [enabled, setEnabled] = useState(on);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="keys-title">
      <h2 id="keys-title">Keyboard</h2>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={enabled}
          onChange={e => {
            keep('keys', e.currentTarget.checked ? '' : 'off');
            setEnabled(e.currentTarget.checked);
          }}
        />{' '}
        Single letters are commands
      </label>
      <button class="primary" type="button" onClick={() => dialog.current!.close()}>
        Close
      </button>
    </dialog>
  );
}
