// The collector's REST API as collector/api/openapi.yaml describes it.
//
// Must stay true: every request goes to the page's own origin; an answer of 401 ends the session in the page; all texts in
// answers come from strangers and are shown through text.ts.

export interface Alert {
  id: string;
  time: string;
  received: string;
  priority: string;
  severity: number;
  rule: string;
  source: string;
  hostname: string;
  agent: string;
  output: string;
  tags: string[];
  fields: Record<string, unknown>;
  context: Record<string, unknown>;
}

export interface Agent {
  id: string;
  version: string;
  hostname: string;
  mode: string;
  rules_version: string;
  address: string;
  rules_assigned?: string; // the ruleset's version that it is to use; the three are missing where the collector hands none down
  rules_refused?: string;
  rules_message?: string;
  key: string;
  via: string;
  relay: boolean;
  connected: boolean;
  started: string | null;
  first_seen: string | null;
  last_seen: string | null;
  alerts: number;
  missing: number;
  tags: string[];
  platform: Record<string, string>;
  counters: Record<string, number>;
}

export interface AlertPage {
  alerts: Alert[];
  next: string | null;
  complete: boolean;
}
export interface Bar {
  start: string;
  counts: number[];
}
export interface Histogram {
  step: number;
  bars: Bar[];
  complete: boolean;
}
export interface Top {
  field: string;
  values: {value: string; count: number}[];
  others: number;
  complete: boolean;
}
export interface Ruleset {
  name: string;
  version: string;
  scope: string;
  position: number;
  created: string;
  author: string;
  files: {name: string; bytes: number; content?: string}[];
  agents: {assigned: number; applied: number; refused: number};
  numbers?: number[];
}
export interface Problem {
  file: string;
  line: number;
  column: number;
  message: string;
  text: string;
}
export interface Verdict {
  error?: string;
  version?: string;
  rules: number;
  errors: Problem[];
  warnings: Problem[];
}
export interface Status {
  version: string;
  time: string;
  oldest: string | null;
  trouble: string | null;
  numbers: Record<string, number>;
}
export interface Session {
  user: string;
  csrf: string;
  expires: string;
}

// What the server refused. `offset`: of the mistake in a filter, in bytes; `body`: the whole answer.
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly offset: number | undefined,
    readonly body: unknown,
  ) {
    super(message);
  }
}

export type Parameters = Record<string, string | undefined>;

let session: Session | null = null;
let onLoggedOut = () => {};

async function answer<T>(response: Response): Promise<T> {
  const body = await response.json().catch(() => ({error: `the server answered ${response.status}`}));
  if (response.ok) return body as T;
  if (response.status === 401 && session) {
    session = null;
    onLoggedOut();
  }
  throw new Refused(
    response.status,
    String(body.error ?? response.status),
    typeof body.offset === 'number' ? body.offset : undefined,
    body,
  );
}

// What the server is asked with. Throws Refused, or TypeError where it cannot be reached.
export async function get<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, value);
  const text = query.toString();
  return answer<T>(await fetch(`/api/v1/${path}${text ? `?${text}` : ''}`, {credentials: 'same-origin', signal}));
}

export async function change<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {'Content-Type': 'application/json'};
  if (session) headers['X-CSRF-Token'] = session.csrf;
  return answer<T>(
    await fetch(`/api/v1/${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );
}

export function whenLoggedOut(act: () => void) {
  onLoggedOut = act;
}

// The session of the cookie; null: there is none.
export async function resume(): Promise<Session | null> {
  try {
    return (session = await get<Session>('session'));
  } catch (e) {
    if (e instanceof Refused && e.status === 401) return null;
    throw e;
  }
}

export async function logIn(user: string, password: string): Promise<Session> {
  return (session = await change<Session>('POST', 'login', {user, password}));
}

export async function logOut() {
  await change('POST', 'logout', {}).catch(() => {});
  session = null;
  onLoggedOut();
}

export const isAbort = (e: unknown) => e instanceof DOMException && e.name === 'AbortError';

// An error in words for people.
export function words(e: unknown): string {
  if (e instanceof Refused) return e.message;
  return 'the collector cannot be reached';
}
