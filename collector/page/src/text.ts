// Texts of strangers, and times and numbers, as people read them.

// Control characters, and those that change direction or are not seen: what could make a text look like another one.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|\p{Cs}|[\u{e0000}-\u{e0fff}]/gu;

// The text with each of them written out: \n, \x1b, \u202e.
export function visible(text: string): string {
  return text.replace(HIDDEN, c => {
    const code = c.codePointAt(0)!;
    if (c === '\n') return '\\n';
    if (c === '\t') return '\\t';
    if (c === '\r') return '\\r';
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

// The value of a field as conditions compare it; null: a list or an object, which they cannot.
export function scalar(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return null;
}

const two = (n: number) => String(n).padStart(2, '0');

export function clock(iso: string): string {
  const t = new Date(iso);
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}
export function day(iso: string): string {
  const t = new Date(iso);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}
export const isToday = (iso: string) => day(iso) === day(new Date().toISOString());

// "3 s", "12 min", "5 h", "2 d": how long ago, or how long.
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}
export const since = (iso: string, now: number) => (now - Date.parse(iso)) / 1000;

const grouped = new Intl.NumberFormat('en-US');
export const count = (n: number) => grouped.format(n);

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
