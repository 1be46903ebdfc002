// What several views need: asking again from time to time, the present, settings that the browser keeps.
import {useCallback, useEffect, useRef, useState} from 'preact/hooks';
import {isAbort, words} from './api';

export interface Polled<T> {
  value: T | null;
  error: string;
  stale: boolean; // the value is that of another key
  again(): void;
}

// `ask` at once, whenever `key` changes, and every `seconds` while the page is seen; never twice at the same time.
export function usePolled<T>(key: string, seconds: number, ask: (signal: AbortSignal) => Promise<T>): Polled<T> {
  const [state, set] = useState<{key: string; value: T | null; error: string}>({key, value: null, error: ''});
  const latest = useRef(ask);
  latest.current = ask;
  const now = useRef(() => {});
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    let running = false;
    const run = async () => {
      if (running) return;
      running = true;
      clearTimeout(timer);
      try {
        const value = await latest.current(abort.signal);
        set({key, value, error: ''});
      } catch (e) {
        if (!isAbort(e)) set(s => ({key, value: s.key === key ? s.value : null, error: words(e)}));
      }
      running = false;
      if (!abort.signal.aborted) timer = window.setTimeout(tick, seconds * 1000);
    };
    const tick = () => (document.hidden ? (timer = window.setTimeout(tick, 1000)) : void run());
    now.current = run;
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, seconds]);
  return {value: state.value, error: state.error, stale: state.key !== key, again: useCallback(() => now.current(), [])};
}

// Date.now(), renewed every `seconds`.
export function useNow(seconds: number): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}

export function kept(name: string): string {
  try {
    return localStorage.getItem(`undercoat.${name}`) ?? '';
  } catch {
    return '';
  }
}
export function keep(name: string, value: string) {
  try {
    localStorage.setItem(`undercoat.${name}`, value);
  } catch {
    // A browser that keeps nothing: the setting lasts as long as the page.
  }
}
