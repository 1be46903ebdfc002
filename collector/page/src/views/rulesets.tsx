// The rulesets that the collector hands down, in their order of precedence.
import {get, Refused, type Ruleset} from '../api';
import {follow, go, linkTo, type Place} from '../address';
import {usePolled, type Polled} from '../hooks';
import {count, day, visible} from '../text';

const EVERY = 10;
export const NEW = ':new'; // in place of a name, which has no colon

// null: not known yet, or this collector hands no rules down.
export function useRulesets(): Polled<Ruleset[] | null> {
  return usePolled<Ruleset[] | null>('rulesets', EVERY, async signal => {
    try {
      return (await get<{rulesets: Ruleset[]}>('rulesets', {}, signal)).rulesets;
    } catch (e) {
      if (e instanceof Refused && e.status === 404) return null;
      throw e;
    }
  });
}

function Agents({of}: {of: Ruleset['agents']}) {
  return (
    <>
      {count(of.applied)} of {count(of.assigned)}
      {of.refused > 0 && <span class="bad"> {count(of.refused)} refused</span>}
    </>
  );
}

export function Rulesets({rulesets, place}: {rulesets: Polled<Ruleset[] | null>; place: Place}) {
  const {value, error} = rulesets;
  if (!value)
    return error ? (
      <p class="form-error" role="alert">
        {error}
      </p>
    ) : null;
  return (
    <section class="part" aria-labelledby="rulesets-title">
      <div class="listing-head">
        <h2 id="rulesets-title">Rulesets</h2>
        <span class="muted">An agent gets the first whose scope fits it.</span>
        <span class="spring" />
        <button type="button" onClick={() => go({ruleset: NEW})}>
          New ruleset
        </button>
      </div>
      {value.length === 0 && <p class="muted">None: every agent uses the rules that it has.</p>}
      {value.length > 0 && (
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">Ruleset</th>
              <th scope="col">Scope</th>
              <th scope="col" class="num">
                Applied by
              </th>
              <th scope="col">Since</th>
              <th scope="col">By</th>
            </tr>
          </thead>
          <tbody>
            {value.map(r => {
              const target = {ruleset: r.name};
              return (
                <tr key={r.name} class={r.name === place.ruleset ? 'open' : ''}>
                  <th scope="row">
                    <a href={linkTo(target)} onClick={follow(target)} aria-current={r.name === place.ruleset ? 'true' : undefined}>
                      {visible(r.version)}
                    </a>
                  </th>
                  <td data-label="Scope" class="mono">
                    {visible(r.scope) || <span class="muted">every agent</span>}
                  </td>
                  <td data-label="Applied by" class="num">
                    <Agents of={r.agents} />
                  </td>
                  <td data-label="Since" class="num">
                    {day(r.created)}
                  </td>
                  <td data-label="By">{visible(r.author)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}
