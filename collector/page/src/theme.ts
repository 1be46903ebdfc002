// Dark or light: the system's choice, or the person's.
import {keep, kept} from './hooks';

export type Theme = '' | 'light' | 'dark'; // '': as the system has it
const order: Theme[] = ['', 'light', 'dark'];
const listeners = new Set<() => void>();
const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => listeners.forEach(l => l()));

export function theme(): Theme {
  const value = kept('theme') as Theme;
  return order.includes(value) ? value : '';
}

export function applyTheme() {
  const chosen = theme();
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  listeners.forEach(l => l());
}

export function nextTheme() {
  keep('theme', order[(order.indexOf(theme()) + 1) % order.length]!);
  applyTheme();
}

export function onTheme(act: () => void): () => void {
  listeners.add(act);
  return () => void listeners.delete(act);
}

// A colour of the styles as it is in force, for a canvas.
export function colour(name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
