// One ruleset: its files, who it is for, a new version, its end.
//
// Must stay true: nothing comes into force that the server has not found good; what it finds wrong is shown in its words, with file
// and line.
import {useEffect, useRef, useState} from 'preact/hooks';
import {change, get, isAbort, Refused, words, type Problem, type Ruleset, type Verdict} from '../api';
import {go} from '../address';
import {count, day, visible} from '../text';
import {Back, Cross} from './icons';
import {NEW} from './rulesets';
import {useKey} from './shortcuts';

interface File {
  name: string;
  content: string;
}

function useRuleset(name: string, number: string, renewed: number) {
  const [state, set] = useState<{ruleset: Ruleset | null; error: string}>({ruleset: null, error: ''});
  useEffect(() => {
    if (name === NEW) return;
    const abort = new AbortController();
    get<Ruleset>(`rulesets/${encodeURIComponent(name)}`, {number}, abort.signal).then(
      ruleset => set({ruleset, error: ''}),
      e => isAbort(e) || set({ruleset: null, error: words(e)}),
    );
    return () => abort.abort();
  }, [name, number, renewed]);
  return state;
}

function Problems({title, of}: {title: string; of: Problem[]}) {
  if (of.length === 0) return null;
  return (
    <>
      <h4>{title}</h4>
      <ul class="problems">
        {of.slice(0, 50).map((p, i) => (
          <li key={i}>
            <pre class="mono">{p.text.split('\n').map(visible).join('\n')}</pre>
          </li>
        ))}
      </ul>
    </>
  );
}

function VerdictView({verdict}: {verdict: Verdict}) {
  const good = !verdict.error;
  return (
    <div class={`verdict ${good ? 'good' : 'wrong'}`} role={good ? 'status' : 'alert'}>
      <p>
        <b>{good ? (verdict.version ? `${verdict.version} is in force` : 'It would be taken') : 'It is refused'}</b>, {count(verdict.rules)}{' '}
        rules are switched on.
      </p>
      {!good && verdict.errors.length === 0 && <p class="mono">{visible(verdict.error!)}</p>}
      <Problems title="Errors" of={verdict.errors} />
      <Problems title="Warnings" of={verdict.warnings} />
    </div>
  );
}

// What the server says of a ruleset, good or not.
async function judged(ask: Promise<Verdict>): Promise<Verdict> {
  try {
    return await ask;
  } catch (e) {
    if (e instanceof Refused && e.status === 422) return e.body as Verdict;
    throw e;
  }
}

function Upload({ruleset, onPut}: {ruleset: Ruleset | null; onPut: (name: string) => void}) {
  const [name, setName] = useState(ruleset?.name ?? '');
  const [scope, setScope] = useState(ruleset?.scope ?? '');
  const [position, setPosition] = useState(String(ruleset?.position ?? 100));
  const [files, setFiles] = useState<File[] | null>(null);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const kept: File[] = ruleset?.files.map(f => ({name: f.name, content: f.content ?? ''})) ?? [];

  const choose = async (chosen: FileList | null) => {
    if (chosen) setFiles(await Promise.all([...chosen].map(async f => ({name: f.name, content: await f.text()}))));
    setVerdict(null);
  };
  const send = async (put: boolean) => {
    setBusy(true);
    setError('');
    setVerdict(null);
    try {
      const body = {scope, position: Number(position), files: files ?? kept};
      const path = put ? `rulesets/${encodeURIComponent(name)}` : 'rulesets/check';
      const found = await judged(change<Verdict>(put ? 'PUT' : 'POST', path, body));
      setVerdict(found);
      if (put && !found.error) onPut(name);
    } catch (e) {
      setError(words(e));
    }
    setBusy(false);
  };
  return (
    <form
      class="upload"
      onSubmit={event => {
        event.preventDefault();
        void send(true);
      }}
    >
      {!ruleset && (
        <label>
          Name
          <input
            type="text"
            value={name}
            required
            maxLength={64}
            pattern="[A-Za-z0-9._\-]+"
            autocomplete="off"
            spellcheck={false}
            onInput={e => setName(e.currentTarget.value)}
          />
        </label>
      )}
      <label>
        Scope
        <input
          class="mono"
          type="text"
          value={scope}
          placeholder="every agent; or agent.tags = team:web"
          autocomplete="off"
          spellcheck={false}
          onInput={e => setScope(e.currentTarget.value)}
        />
      </label>
      <label>
        Position
        <input type="number" min={0} max={1000000} value={position} required onInput={e => setPosition(e.currentTarget.value)} />
      </label>
      <label>
        Files{ruleset && <span class="muted"> (without a choice those of this version)</span>}
        <input type="file" multiple accept=".yaml,.yml" required={!ruleset} onChange={e => void choose(e.currentTarget.files)} />
      </label>
      <p class="upload-acts">
        <button type="button" disabled={busy} onClick={() => void send(false)}>
          Check
        </button>
        <button class="primary" type="submit" disabled={busy}>
          Put in force
        </button>
      </p>
      {error && (
        <p class="form-error" role="alert">
          {visible(error)}
        </p>
      )}
      {verdict && <VerdictView verdict={verdict} />}
    </form>
  );
}

function Remove({name, onRemoved}: {name: string; onRemoved: () => void}) {
  const [asked, setAsked] = useState(false);
  const [error, setError] = useState('');
  const remove = () => change('DELETE', `rulesets/${encodeURIComponent(name)}`).then(onRemoved, e => setError(words(e)));
  return (
    <p class="upload-acts">
      {error && (
        <span class="form-error" role="alert">
          {error}
        </span>
      )}
      {asked ? (
        <>
          <span>Its agents get the next that fits, or their own rules.</span>
          <button type="button" onClick={() => setAsked(false)}>
            Keep
          </button>
          <button class="danger" type="button" onClick={() => void remove()}>
            Remove
          </button>
        </>
      ) : (
        <button type="button" onClick={() => setAsked(true)}>
          Remove this ruleset
        </button>
      )}
    </p>
  );
}

function Content({ruleset}: {ruleset: Ruleset}) {
  return (
    <section class="detail-section">
      <h3>Files</h3>
      {ruleset.files.map(f => (
        <details key={f.name} class="raw">
          <summary>
            <span class="mono">{visible(f.name)}</span> <span class="muted">{count(f.bytes)} bytes</span>
          </summary>
          <pre class="mono" tabIndex={0}>
            {(f.content ?? '').split('\n').map(visible).join('\n')}
          </pre>
        </details>
      ))}
    </section>
  );
}

export function RulesetPanel({name, onChanged}: {name: string; onChanged: () => void}) {
  const [number, setNumber] = useState('');
  const [renewed, renew] = useState(0);
  const {ruleset, error} = useRuleset(name, number, renewed);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current!.focus({preventScroll: true}), []);
  const close = () => go({ruleset: ''});
  useKey(key => key === 'Escape' && (close(), true));
  const put = (as: string) => {
    onChanged();
    setNumber('');
    renew(renewed + 1);
    if (name === NEW) go({ruleset: as}, true);
  };
  return (
    <aside class="detail" aria-label="Ruleset">
      <div class="detail-bar">
        <button class="quiet with-text detail-back" type="button" onClick={close}>
          <Back />
          Back
        </button>
        {ruleset?.numbers && (
          <label class="check">
            Version
            <select value={ruleset.version.split('@').pop()} onChange={e => setNumber(e.currentTarget.value)}>
              {ruleset.numbers.map(n => (
                <option key={n} value={n}>
                  {n}
                </option>
              ))}
            </select>
          </label>
        )}
        <span class="spring" />
        <button class="quiet detail-close" type="button" aria-label="Close" title="Close (Esc)" onClick={close}>
          <Cross />
        </button>
      </div>
      <h2 ref={title} tabIndex={-1}>
        {name === NEW ? 'New ruleset' : visible(ruleset?.version ?? (error || name))}
      </h2>
      {ruleset && (
        <dl class="facts">
          <div>
            <dt>Scope</dt>
            <dd class="mono">{visible(ruleset.scope) || 'every agent'}</dd>
          </div>
          <div>
            <dt>Since</dt>
            <dd>
              {day(ruleset.created)}, by {visible(ruleset.author)}
            </dd>
          </div>
          <div>
            <dt>Applied by</dt>
            <dd>
              {count(ruleset.agents.applied)} of {count(ruleset.agents.assigned)} agents
            </dd>
          </div>
        </dl>
      )}
      {ruleset && <Content ruleset={ruleset} />}
      {(ruleset || name === NEW) && (
        <section class="detail-section">
          <h3>{name === NEW ? 'Upload' : 'A new version'}</h3>
          <Upload key={number} ruleset={ruleset} onPut={put} />
        </section>
      )}
      {ruleset && (
        <section class="detail-section">
          <h3>Its end</h3>
          <Remove
            name={name}
            onRemoved={() => {
              onChanged();
              close();
            }}
          />
        </section>
      )}
    </aside>
  );
}
