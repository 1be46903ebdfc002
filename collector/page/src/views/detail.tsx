// One alert with all that is known of it.
import type {ComponentChildren} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {get, isAbort, Refused, words, type Alert} from '../api';
import {follow, go, linkTo} from '../address';
import {groupOf} from '../severity';
import {clock, copy, day, scalar, since, span, visible} from '../text';
import {ancestry, stack, techniques} from '../story';
import {Back, Copy, Cross, External, Link} from './icons';
import {Narrowing, Value} from './value';

function useAlert(id: string, known: Alert | undefined) {
  const [alert, set] = useState(known);
  const [error, setError] = useState('');
  useEffect(() => {
    if (alert) return;
    const abort = new AbortController();
    get<Alert>(`alerts/${id}`, {}, abort.signal).then(set, e => {
      if (isAbort(e)) return;
      setError(e instanceof Refused && e.status === 404 ? 'This alert is not kept any more.' : words(e));
    });
    return () => abort.abort();
  }, [id]);
  return {alert, error};
}

function CopyButton({label, text, icon}: {label: string; text: () => string; icon: ComponentChildren}) {
  const [done, setDone] = useState('');
  return (
    <button
      class="quiet with-text"
      type="button"
      onClick={async () => {
        setDone((await copy(text())) ? 'Copied' : 'Not permitted');
        setTimeout(() => setDone(''), 1500);
      }}
    >
      {icon}
      <span aria-live="polite">{done || label}</span>
    </button>
  );
}

function Section({title, children}: {title: string; children: ComponentChildren}) {
  return (
    <section class="detail-section">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Fields({of}: {of: Record<string, unknown>}) {
  return (
    <dl class="fields">
      {Object.entries(of).map(([name, value]) => {
        const text = scalar(value);
        return (
          <div key={name}>
            <dt class="mono">{visible(name)}</dt>
            <dd class="mono">{value === null ? <span class="muted">null</span> : visible(text ?? JSON.stringify(value))}</dd>
            {text !== null && (
              <dd>
                <Narrowing field={name} value={text} />
              </dd>
            )}
          </div>
        );
      })}
    </dl>
  );
}

function Ancestry({alert}: {alert: Alert}) {
  const line = ancestry(alert);
  if (line.length === 0) return null;
  return (
    <Section title="Process">
      <ol class="ancestry">
        {line.map((p, depth) => (
          <li key={depth} class={p.self ? 'self' : ''} style={{paddingInlineStart: `${Math.min(depth, 8) * 16}px`}}>
            <span class="branch" aria-hidden="true">
              {depth > 0 ? '└' : ''}
            </span>
            <span class="ancestry-text">
              {p.name ? <Value field={p.field} value={p.name} /> : <span class="muted">not told</span>}
              {p.pid && <span class="muted num"> {p.pid}</span>}
              {p.command && p.command !== p.name && <code>{visible(p.command)}</code>}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Stack({alert}: {alert: Alert}) {
  const frames = stack(alert);
  if (frames.length === 0) return null;
  return (
    <Section title="Call stack">
      <ol class="stack mono">
        {frames.map((f, i) => (
          <li key={i} class={f.guessed ? 'muted' : ''}>
            {visible(f.text)}
            {f.guessed && ' (guessed)'}
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Tags({alert}: {alert: Alert}) {
  if (alert.tags.length === 0) return null;
  const attack = techniques(alert.tags);
  return (
    <Section title="Tags">
      {attack.length > 0 && (
        <ul class="attack">
          {attack.map(t => (
            <li key={t.id}>
              <a href={t.link} target="_blank" rel="noopener noreferrer">
                MITRE ATT&CK {t.id} <External />
                <span class="unseen"> (another site)</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      <p class="tags">
        {alert.tags.map(t => (
          <Value key={t} field="alert.tags" value={t} />
        ))}
      </p>
    </Section>
  );
}

function Head({alert}: {alert: Alert}) {
  const lag = (Date.parse(alert.received) - Date.parse(alert.time)) / 1000;
  return (
    <dl class="facts">
      <div>
        <dt>Time</dt>
        <dd class="num">
          <time dateTime={alert.time}>
            {day(alert.time)} {clock(alert.time)}
          </time>{' '}
          <span class="muted">({span(since(alert.time, Date.now()))} ago)</span>
        </dd>
      </div>
      <div>
        <dt>Arrived</dt>
        <dd class="num">{lag < 1 ? 'within a second' : `${span(lag)} later`}</dd>
      </div>
      {alert.hostname && (
        <div>
          <dt>Workload</dt>
          <dd>
            <Value field="alert.hostname" value={alert.hostname} />
          </dd>
        </div>
      )}
      {alert.source && (
        <div>
          <dt>Source</dt>
          <dd>
            <Value field="alert.source" value={alert.source} />
          </dd>
        </div>
      )}
      {alert.agent && (
        <div>
          <dt>Agent</dt>
          <dd>
            <a
              class="mono"
              href={linkTo({path: '/agents', agent: alert.agent, alert: ''})}
              onClick={follow({path: '/agents', agent: alert.agent, alert: ''})}
            >
              {visible(alert.agent)}
            </a>
          </dd>
        </div>
      )}
    </dl>
  );
}

export function Detail({id, known}: {id: string; known: Alert | undefined}) {
  const {alert, error} = useAlert(id, known);
  const title = useRef<HTMLHeadingElement>(null);
  const opener = useRef<Element | null>(document.activeElement);
  useEffect(() => {
    title.current?.focus({preventScroll: true});
    return () => {
      if (opener.current instanceof HTMLElement && opener.current.isConnected) opener.current.focus({preventScroll: true});
    };
  }, []);
  const group = alert ? groupOf(alert.severity).name : '';
  return (
    <aside class={`detail ${group}`} aria-label="Alert">
      <div class="detail-bar">
        <button class="quiet with-text detail-back" type="button" onClick={() => go({alert: ''})}>
          <Back />
          Back
        </button>
        {alert && <span class="severity">{alert.priority}</span>}
        <span class="spring" />
        <CopyButton label="Link" icon={<Link />} text={() => location.href} />
        {alert && <CopyButton label="JSON" icon={<Copy />} text={() => JSON.stringify(alert, null, 2)} />}
        <button class="quiet detail-close" type="button" aria-label="Close" title="Close (Esc)" onClick={() => go({alert: ''})}>
          <Cross />
        </button>
      </div>
      <h2 ref={title} tabIndex={-1}>
        {alert ? visible(alert.rule) : error || 'Loading…'}
      </h2>
      {alert && (
        <>
          <p class="detail-output mono">{visible(alert.output)}</p>
          <Head alert={alert} />
          <Tags alert={alert} />
          <Ancestry alert={alert} />
          <Stack alert={alert} />
          <Section title="Fields">
            <Fields of={{'alert.rule': alert.rule, 'alert.priority': alert.priority, 'alert.hostname': alert.hostname, ...alert.fields}} />
          </Section>
          {Object.keys(alert.context).length > 0 && (
            <Section title="Context">
              <Fields of={alert.context} />
            </Section>
          )}
          <details class="raw">
            <summary>Raw JSON</summary>
            <pre class="mono" tabIndex={0}>
              {visibleLines(JSON.stringify(alert, null, 2))}
            </pre>
          </details>
        </>
      )}
    </aside>
  );
}

const visibleLines = (text: string) => text.split('\n').map(visible).join('\n');
