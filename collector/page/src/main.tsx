// The page's beginning: asks whether there is a session, then shows the login or the views.
import {render} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {resume, whenLoggedOut, words, type Session} from './api';
import {applyTheme} from './theme';
import {Frame} from './views/frame';
import {Login} from './views/login';

function Page() {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [trouble, setTrouble] = useState('');
  useEffect(() => {
    whenLoggedOut(() => setSession(null));
    resume().then(setSession, e => {
      setTrouble(words(e));
      setSession(null);
    });
  }, []);
  if (session === undefined) return null;
  return session ? <Frame session={session} /> : <Login trouble={trouble} onDone={setSession} />;
}

applyTheme();
render(<Page />, document.getElementById('page')!);
