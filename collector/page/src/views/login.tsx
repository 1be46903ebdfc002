// The login. There is no default password: the collector prints the first one at its first start.
import {useEffect, useRef, useState} from 'preact/hooks';
import {logIn, words, type Session} from '../api';
import {Logo} from './icons';

export function Login({trouble, onDone}: {trouble: string; onDone: (session: Session) => void}) {
  const [error, setError] = useState(trouble);
  const [busy, setBusy] = useState(false);
  const user = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Log in · Undercoat';
    (user.current!.value ? password : user).current!.focus();
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      onDone(await logIn(user.current!.value, password.current!.value));
    } catch (e) {
      setError(words(e));
      setBusy(false);
      password.current!.select();
      password.current!.focus();
    }
  };

  return (
    <main class="login">
      <form class="login-form" onSubmit={submit}>
        <h1 class="brand">
          <Logo /> Undercoat
        </h1>
        <label>
          User
          <input ref={user} name="user" autocomplete="username" autocapitalize="off" spellcheck={false} defaultValue="admin" required />
        </label>
        <label>
          Password
          <input ref={password} name="password" type="password" autocomplete="current-password" required />
        </label>
        <p class="form-error" role="alert">
          {error}
        </p>
        <button class="primary" type="submit" disabled={busy}>
          {busy ? 'Logging in…' : 'Log in'}
        </button>
        <p class="muted small">
          The first password was printed when the collector was started the first time. <code>undercoat collector password</code> sets
          another.
        </p>
      </form>
    </main>
  );
}
