// The agents: who reports, how much they see, and what was lost.
import {useEffect, useRef, useState} from 'preact/hooks';
import {get, type Agent} from '../api';
import {equals} from '../condition';
import {follow, go, linkTo, type Place} from '../address';
import {useNow, usePolled} from '../hooks';
import {count, since, span, visible} from '../text';
import {Back, Cross} from './icons';
import {useKey} from './shortcuts';

const EVERY = 10; // seconds between two questions
const MOST = 300; // shown without being asked for more
const MODES: Record<string, string> = {
  full: 'Library and filter: every listed call is seen, static programs included',
  preload: 'Library only: static programs and raw system calls are not seen',
  trap: 'Filter only: every listed call is seen; results may be inferred',
};

// What of its counters is loss: of events, of lines of output, of alerts on their way. `missing`: never came though numbered.
function losses(agent: Agent): [what: string, n: number][] {
  const found: [string, number][] = Object.entries(agent.counters).filter(
    ([name, n]) => n > 0 && /^(drops$|drops_|forward_drops_)/.test(name),
  );
  if (agent.missing > 0) found.push(['missing', agent.missing]);
  return found;
}
// `drops` is the sum of those by reason, which stand beside it.
function lost(agent: Agent): number {
  const summed = ['drops', 'drops_alert_lines', 'drops_event_lines', 'missing'];
  return losses(agent).reduce((sum, [name, n]) => sum + (summed.includes(name) || name.startsWith('forward_drops_') ? n : 0), 0);
}

function Mode({agent: {mode, relay}}: {agent: Agent}) {
  if (relay)
    return (
      <span class="badge" title="It passes on what agents send it">
        orchestrator
      </span>
    );
  return (
    <span class={`badge mode-${/^\w+$/.test(mode) ? mode : 'none'}`} title={MODES[mode]}>
      {visible(mode) || 'not known'}
    </span>
  );
}

function State({agent, now}: {agent: Agent; now: number}) {
  if (agent.connected)
    return (
      <span class="live-state live">
        <i />
        Connected
      </span>
    );
  return (
    <span class="live-state lost">
      <i />
      {agent.last_seen ? `Gone for ${span(since(agent.last_seen, now))}` : 'Gone'}
    </span>
  );
}

function Pairs({of}: {of: [string, string | number][]}) {
  return (
    <dl class="fields">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt class="mono">{visible(name)}</dt>
          <dd class="mono">{typeof value === 'number' ? count(value) : visible(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function AgentDetail({agent, now}: {agent: Agent; now: number}) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current!.focus({preventScroll: true}), []);
  const drops = losses(agent);
  const condition = equals('alert.agent', agent.id);
  const toAlerts = {path: '/', filter: condition ?? '', agent: '', alert: ''};
  return (
    <aside class="detail" aria-label="Agent">
      <div class="detail-bar">
        <button class="quiet with-text detail-back" type="button" onClick={() => go({agent: ''})}>
          <Back />
          Back
        </button>
        <State agent={agent} now={now} />
        <span class="spring" />
        <button class="quiet detail-close" type="button" aria-label="Close" title="Close (Esc)" onClick={() => go({agent: ''})}>
          <Cross />
        </button>
      </div>
      <h2 ref={title} tabIndex={-1}>
        {visible(agent.hostname || agent.id)}
      </h2>
      <dl class="facts">
        <div>
          <dt>Agent</dt>
          <dd class="mono">{visible(agent.id)}</dd>
        </div>
        <div>
          <dt>Coverage</dt>
          <dd>
            <Mode agent={agent} /> <span class="muted small">{MODES[agent.mode]}</span>
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>{visible(agent.version)}</dd>
        </div>
        <div>
          <dt>Rules</dt>
          <dd class="mono">
            {visible(agent.rules_version) || '–'}
            {agent.rules_assigned && agent.rules_assigned !== agent.rules_version && (
              <span class="warn"> (is to use {visible(agent.rules_assigned)})</span>
            )}
          </dd>
        </div>
        {agent.rules_refused && (
          <div>
            <dt>Refused</dt>
            <dd class="bad mono">
              {visible(agent.rules_refused)}: {visible(agent.rules_message ?? '')}
            </dd>
          </div>
        )}
        <div>
          <dt>Address</dt>
          <dd class="mono">{visible(agent.address)}</dd>
        </div>
        {agent.via && (
          <div>
            <dt>Through</dt>
            <dd>
              <a class="mono" href={linkTo({agent: agent.via})} onClick={follow({agent: agent.via})}>
                {visible(agent.via)}
              </a>
            </dd>
          </div>
        )}
        <div>
          <dt>Started</dt>
          <dd>{agent.started ? `${span(since(agent.started, now))} ago` : '–'}</dd>
        </div>
        <div>
          <dt>Last heard of</dt>
          <dd>{agent.last_seen ? `${span(since(agent.last_seen, now))} ago` : '–'}</dd>
        </div>
        <div>
          <dt>Alerts</dt>
          <dd>
            {condition ? (
              <a href={linkTo(toAlerts)} onClick={follow(toAlerts)}>
                {count(agent.alerts)}
              </a>
            ) : (
              count(agent.alerts)
            )}
          </dd>
        </div>
        {agent.tags.length > 0 && (
          <div>
            <dt>Tags</dt>
            <dd>
              {agent.tags.map(t => (
                <span key={t} class="badge">
                  {visible(t)}
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
      <section class="detail-section">
        <h3>Lost</h3>
        {drops.length === 0 ? (
          <p class="muted">Nothing was lost.</p>
        ) : (
          <div class="drops">
            <Pairs of={drops} />
          </div>
        )}
      </section>
      <section class="detail-section">
        <h3>Platform</h3>
        <Pairs of={Object.entries(agent.platform)} />
      </section>
      <section class="detail-section">
        <h3>Counters</h3>
        <Pairs of={Object.entries(agent.counters)} />
      </section>
    </aside>
  );
}

function Row({agent, now, open}: {agent: Agent; now: number; open: boolean}) {
  const drops = lost(agent);
  const waiting = agent.counters.forward_waiting ?? 0;
  return (
    <tr class={open ? 'open' : ''}>
      <th scope="row">
        <a href={linkTo({agent: agent.id})} onClick={follow({agent: agent.id})} aria-current={open ? 'true' : undefined}>
          {visible(agent.hostname || agent.id)}
        </a>
        {agent.tags.length > 0 && <span class="muted small cut">{visible(agent.tags.join(' '))}</span>}
      </th>
      <td data-label="State">
        <State agent={agent} now={now} />
      </td>
      <td data-label="Coverage">
        <Mode agent={agent} />
      </td>
      <td data-label="Version">{visible(agent.version)}</td>
      <td data-label="Lag" class="num">
        {agent.last_seen && agent.connected ? span(since(agent.last_seen, now)) : '–'}
        {waiting > 0 && (
          <span class="warn" title="Alerts that were not sent yet when it told so last">
            {' '}
            {count(waiting)} waiting
          </span>
        )}
      </td>
      <td data-label="Alerts" class="num">
        {count(agent.alerts)}
      </td>
      <td data-label="Drops" class={`num${drops > 0 ? ' bad' : ' muted'}`}>
        {count(drops)}
      </td>
    </tr>
  );
}

export function Agents({place}: {place: Place}) {
  const {value, error} = usePolled<Agent[]>('agents', EVERY, async signal => (await get<{agents: Agent[]}>('agents', {}, signal)).agents);
  const [text, setText] = useState('');
  const [onlyLost, setOnlyLost] = useState(false);
  const [most, setMost] = useState(MOST);
  const now = useNow(1);
  useEffect(() => {
    document.title = 'Agents · Undercoat';
  }, []);
  useKey(key => key === 'Escape' && place.agent !== '' && (go({agent: ''}), true));
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (a: Agent) => {
    const about = [a.hostname, a.id, a.version, a.mode, a.address, ...a.tags, ...Object.values(a.platform)].join(' ').toLowerCase();
    return words.every(w => about.includes(w)) && (!onlyLost || lost(a) > 0);
  };
  const agents = value?.filter(fits) ?? [];
  const open = value?.find(a => a.id === place.agent);
  return (
    <main id="main" tabIndex={-1} class={`listing${open ? ' with-detail' : ''}`}>
      <div class="columns">
        <section class="listing-main" aria-labelledby="agents-title">
          <div class="listing-head">
            <h1 id="agents-title">Agents</h1>
            {value && (
              <span class="muted">
                {count(value.filter(a => a.connected).length)} of {count(value.length)} connected
              </span>
            )}
            <span class="spring" />
            <input
              type="search"
              aria-label="Search agents"
              placeholder="Host, tag, version …"
              value={text}
              onInput={e => setText(e.currentTarget.value)}
            />
            <label class="check">
              <input type="checkbox" checked={onlyLost} onChange={e => setOnlyLost(e.currentTarget.checked)} /> with drops
            </label>
          </div>
          {error && (
            <p class="form-error" role="alert">
              {error}
            </p>
          )}
          {place.agent && value && !open && (
            <p class="muted">
              The agent {visible(place.agent)} is not known: it brought alerts by Falco's payload, or was not heard of for long.
            </p>
          )}
          {value && agents.length === 0 && (
            <p class="nothing">
              {value.length === 0
                ? 'No agent has reported here yet. docs/collector.md tells how one is pointed at this collector.'
                : 'No agent fits.'}
            </p>
          )}
          {agents.length > 0 && (
            <table class="grid">
              <thead>
                <tr>
                  <th scope="col">Host</th>
                  <th scope="col">State</th>
                  <th scope="col">Coverage</th>
                  <th scope="col">Version</th>
                  <th scope="col" class="num">
                    Lag
                  </th>
                  <th scope="col" class="num">
                    Alerts
                  </th>
                  <th scope="col" class="num">
                    Drops
                  </th>
                </tr>
              </thead>
              <tbody>
                {agents.slice(0, most).map(a => (
                  <Row key={a.id} agent={a} now={now} open={a.id === place.agent} />
                ))}
              </tbody>
            </table>
          )}
          {agents.length > most && (
            <p class="more">
              <button type="button" onClick={() => setMost(most + 1000)}>
                {count(agents.length - most)} more
              </button>
            </p>
          )}
        </section>
        {open && <AgentDetail key={open.id} agent={open} now={now} />}
      </div>
    </main>
  );
}
