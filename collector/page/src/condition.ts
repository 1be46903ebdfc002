// Writing conditions in the language of the rules: what a click on a value adds to the filter.
//
// Must stay true: whatever the value, the condition made of it is one that the server takes and that fits exactly that value
// (a test asks the server), or there is none (null). Quoting is that of rules/lang/escape.h.

const FIELD = /^[a-zA-Z]\w*(\.[a-zA-Z]\w*)+(\[[^\s[\]"']+\])?$/;
const NETWORKS = new Set(['fd.net', 'fd.snet', 'fd.cnet', 'fd.lnet', 'fd.rnet']);
const BARE = /^(0|[1-9]\d{0,14}|[a-zA-Z/_][\w./:@+-]*)$/;
const WORDS = new Set(['and', 'or', 'not', 'in', 'exists', 'val']);
const LONGEST = 2000;
const ESCAPES: Record<string, string> = {'\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\', '"': '\\"'};

function quoted(value: string): string | null {
  if (value === '' || value.length > LONGEST || value.endsWith('\\') || value.includes('\0')) return null;
  if (BARE.test(value) && !WORDS.has(value.toLowerCase())) return value;
  return `"${value.replace(/[\b\f\n\r\t\\"]/g, c => ESCAPES[c]!)}"`;
}

// "field = value"; null: conditions cannot say it.
export function equals(field: string, value: string): string | null {
  const text = quoted(value);
  return text === null || !FIELD.test(field) || NETWORKS.has(field) ? null : `${field} = ${text}`;
}

// Whether ` or ` stands outside of quotes and parentheses, so that ` and ` behind it would bind closer.
function needsParentheses(condition: string): boolean {
  let depth = 0;
  let quote = '';
  for (let i = 0; i < condition.length; ++i) {
    const c = condition[i]!;
    if (quote) {
      if (c === quote && condition[i - 1] !== '\\') quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '(') ++depth;
    else if (c === ')') --depth;
    else if (depth === 0 && /^\sor[\s(]/i.test(condition.slice(i, i + 4))) return true;
  }
  return false;
}

// The parts of a condition between its outermost ` and `s.
function parts(condition: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let quote = '';
  let begin = 0;
  for (let i = 0; i < condition.length; ++i) {
    const c = condition[i]!;
    if (quote) {
      if (c === quote && condition[i - 1] !== '\\') quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '(') ++depth;
    else if (c === ')') --depth;
    else if (depth === 0 && /^\sand\s/i.test(condition.slice(i, i + 5))) {
      found.push(condition.slice(begin, i).trim());
      begin = i + 5;
      i += 3;
    }
  }
  found.push(condition.slice(begin).trim());
  return found;
}

// The filter narrowed to that value (or to all others). Twice the same adds nothing; the opposite of a part replaces it.
export function narrowed(filter: string, field: string, value: string, include: boolean): string {
  const positive = equals(field, value);
  if (positive === null) return filter;
  const wanted = include ? positive : `not ${positive}`;
  const opposite = include ? `not ${positive}` : positive;
  const before = filter.trim();
  if (before === '') return wanted;
  if (needsParentheses(before)) return `(${before}) and ${wanted}`;
  const kept = parts(before).filter(p => p !== opposite && p !== wanted);
  return [...kept, wanted].join(' and ');
}
