// What surrounds every view: the bar with the tabs, troubles of the collector, and the menu of a value.
import {useEffect, useState} from 'preact/hooks';
import {get, logOut, type Session, type Status} from '../api';
import {follow, linkTo, usePlace, type Place} from '../address';
import {usePolled} from '../hooks';
import {nextTheme, onTheme, theme} from '../theme';
import {Agents} from './agents';
import {Alerts} from './alerts';
import {Exit, Keys, Logo, Theme} from './icons';
import {Rules} from './rules';
import {ShortcutsDialog, useShortcuts} from './shortcuts';
import {ValueMenu} from './value';

const TABS: [path: string, label: string][] = [
  ['/', 'Alerts'],
  ['/agents', 'Agents'],
  ['/rules', 'Rules'],
];
const THEME_WORDS = {'': 'as the system', light: 'light', dark: 'dark'};

function Tabs({place}: {place: Place}) {
  return (
    <nav aria-label="Views" class="tabs">
      {TABS.map(([path, label]) => {
        const target = {path, alert: '', agent: '', ruleset: ''};
        return (
          <a key={path} href={linkTo(target)} onClick={follow(target)} aria-current={place.path === path ? 'page' : undefined}>
            {label}
          </a>
        );
      })}
    </nav>
  );
}

function ThemeButton() {
  const [, redraw] = useState(0);
  useEffect(() => onTheme(() => redraw(n => n + 1)), []);
  const label = `Colours: ${THEME_WORDS[theme()]}`;
  return (
    <button class="quiet" type="button" onClick={nextTheme} aria-label={label} title={label}>
      <Theme />
    </button>
  );
}

function Views({place}: {place: Place}) {
  if (place.path === '/agents') return <Agents place={place} />;
  if (place.path === '/rules') return <Rules place={place} />;
  if (place.path === '/') return <Alerts place={place} />;
  return (
    <main class="plain">
      <h1>There is nothing here</h1>
      <p>
        <a href="/" onClick={follow({path: '/'})}>
          To the alerts
        </a>
      </p>
    </main>
  );
}

export function Frame({session}: {session: Session}) {
  const place = usePlace();
  const [help, setHelp] = useState(false);
  const status = usePolled<Status>('status', 20, signal => get('status', {}, signal));
  useShortcuts();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="/" onClick={follow({path: '/', alert: '', agent: ''})}>
          <Logo />
          <span>Undercoat</span>
        </a>
        <Tabs place={place} />
        <div class="bar-end">
          <span class="muted who" title={status.value ? `Collector ${status.value.version}` : undefined}>
            {session.user}
          </span>
          <button class="quiet" type="button" onClick={() => setHelp(true)} aria-label="Keyboard" title="Keyboard">
            <Keys />
          </button>
          <ThemeButton />
          <button class="quiet" type="button" onClick={logOut} aria-label="Log out" title="Log out">
            <Exit />
          </button>
        </div>
      </header>
      {status.error && (
        <p class="banner" role="status">
          No answer from the collector: {status.error}.
        </p>
      )}
      {status.value?.trouble && (
        <p class="banner" role="alert">
          The collector cannot store alerts: {status.value.trouble} Agents keep theirs meanwhile.
        </p>
      )}
      <Views place={place} />
      <ValueMenu />
      {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </>
  );
}
