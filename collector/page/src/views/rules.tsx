// The rules that spoke, with their hits; the rulesets that the collector hands down to agents.
import {useEffect} from 'preact/hooks';
import {get, type Top} from '../api';
import {equals} from '../condition';
import {follow, go, limits, linkTo, RANGES, type Place} from '../address';
import {usePolled} from '../hooks';
import {count, visible} from '../text';
import {RulesetPanel} from './ruleset_panel';
import {Rulesets, useRulesets} from './rulesets';

const EVERY = 15;

function Hits({place}: {place: Place}) {
  const {value, error} = usePolled<Top>(`rules ${place.range}`, EVERY, signal => {
    const {from} = limits({...place, from: ''}, Date.now());
    return get('stats/top', {field: 'alert.rule', limit: '1000', from}, signal);
  });
  const all = (value?.values.reduce((sum, v) => sum + v.count, 0) ?? 0) + (value?.others ?? 0);
  const most = value?.values[0]?.count ?? 1;
  return (
    <section class="part" aria-labelledby="rules-title">
      <div class="listing-head">
        <h2 id="rules-title">Hits</h2>
        {value && (
          <span class="muted">
            {count(value.values.length)} with {count(all)} {all === 1 ? 'hit' : 'hits'}
          </span>
        )}
        <span class="spring" />
        <select aria-label="Time" value={place.range} onChange={e => go({range: e.currentTarget.value, from: '', to: ''})}>
          {RANGES.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {error && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      {value && value.values.length === 0 && <p class="nothing">No rule had a hit in this time.</p>}
      {value && value.values.length > 0 && (
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col" class="num">
                Hits
              </th>
              <th scope="col" class="share-column">
                Share
              </th>
            </tr>
          </thead>
          <tbody>
            {value.values.map(v => {
              const condition = equals('alert.rule', v.value);
              const target = {path: '/', filter: condition ?? '', from: '', to: ''};
              return (
                <tr key={v.value}>
                  <th scope="row">
                    {condition ? (
                      <a href={linkTo(target)} onClick={follow(target)}>
                        {visible(v.value)}
                      </a>
                    ) : (
                      visible(v.value)
                    )}
                  </th>
                  <td data-label="Hits" class="num">
                    {count(v.count)}
                  </td>
                  <td class="share-column">
                    <i class="share" style={{width: `calc((100% - 4rem) * ${v.count / most})`}} />
                    <span class="num">{Math.round((100 * v.count) / all)} %</span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {value && value.others > 0 && <p class="muted">{count(value.others)} hits of other rules</p>}
    </section>
  );
}

export function Rules({place}: {place: Place}) {
  const rulesets = useRulesets();
  useEffect(() => {
    document.title = 'Rules · Undercoat';
  }, []);
  const open = rulesets.value && place.ruleset !== '';
  return (
    <main id="main" tabIndex={-1} class={`listing rules${open ? ' with-detail' : ''}`}>
      <div class="columns">
        <div class="listing-main">
          <h1>Rules</h1>
          <Rulesets rulesets={rulesets} place={place} />
          <Hits place={place} />
        </div>
        {open && <RulesetPanel key={place.ruleset} name={place.ruleset} onChanged={rulesets.again} />}
      </div>
    </main>
  );
}
