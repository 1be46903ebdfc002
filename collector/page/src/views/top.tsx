// The most frequent values of a field.
import type {Top as Data} from '../api';
import {count, visible} from '../text';
import {narrow, Narrowing} from './value';
import {equals} from '../condition';

export function Top({title, data}: {title: string; data: Data | undefined}) {
  const most = data?.values[0]?.count ?? 1;
  const id = `top-${title.toLowerCase()}`;
  return (
    <section class="top" aria-labelledby={id}>
      <h2 id={id}>
        {title}
        {data && !data.complete && (
          <span class="muted" title="The time was over before all were counted">
            {' '}
            in part
          </span>
        )}
      </h2>
      {data && data.values.length === 0 && <p class="muted small">none</p>}
      <ol>
        {data?.values.map(({value, count: n}) => (
          <li key={value}>
            <i class="share" style={{width: `${(100 * n) / most}%`}} />
            <button
              class="value top-value"
              type="button"
              disabled={equals(data.field, value) === null}
              title={`Only ${data.field} = ${visible(value)}`}
              onClick={() => narrow(data.field, value, true)}
            >
              {visible(value) || '(empty)'}
            </button>
            <span class="num">{count(n)}</span>
            <Narrowing field={data.field} value={value} />
          </li>
        ))}
      </ol>
      {data && data.others > 0 && <p class="muted small">{count(data.others)} more</p>}
    </section>
  );
}
