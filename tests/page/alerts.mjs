// The view of alerts: login, live feed, filter, counts, detail, addresses that are shared.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {alertOf, base, becomes, filtered, live, logIn, post, rowOf, test, unique} from './browser.mjs';

test('a login is wanted, a wrong password is refused, the address survives both', async open => {
  const page = await open('/?q=kept', {login: false});
  await page.getByLabel('Password').fill('admin');
  await page.getByRole('button', {name: 'Log in'}).click();
  await page.getByRole('alert').getByText('do not fit').waitFor();
  await logIn(page);
  await becomes(() => page.getByLabel('Words in').inputValue(), 'kept');
  await page.getByRole('button', {name: 'Log out'}).click();
  await page.getByLabel('Password').waitFor();
  await page.reload();
  await page.getByLabel('Password').waitFor();
});

test('an event of Falco posted by curl appears while the page is open', async open => {
  const page = await open('/');
  await live(page);
  const rule = unique('Posted by curl');
  execFileSync('curl', [
    '-sSf',
    '--cacert',
    process.env.COLLECTOR_CA,
    '-H',
    `Authorization: Bearer ${process.env.COLLECTOR_KEY}`,
    '-d',
    JSON.stringify(alertOf({rule})),
    base + '/',
  ]);
  await page.locator('.row').first().filter({hasText: rule}).waitFor();
});

test('a pause holds new alerts back, and they come when it ends', async open => {
  const host = unique('paused');
  const page = await open(filtered(`alert.hostname = ${host}`));
  await live(page);
  await page.getByRole('button', {name: 'Pause'}).click();
  for (let i = 0; i < 3; ++i) await post({hostname: host});
  await page.getByRole('button', {name: 'Go on · 3 new'}).waitFor();
  assert.equal(await page.locator('.row').count(), 0);
  await page.getByRole('button', {name: 'Go on'}).click();
  await page.locator('.row').nth(2).waitFor();
});

test('a filter is said to be wrong where it is, before it is applied and after', async open => {
  const page = await open('/');
  const filter = page.getByLabel('Filter: a condition');
  await filter.fill('proc.name = bash and (fd.name = )');
  await page.locator('.mistake mark', {hasText: ')'}).waitFor();
  await page.locator('.mistake', {hasText: 'expected a value'}).waitFor();
  await filter.press('Enter');
  await page.getByText('The filter is wrong').waitFor();
  await page.locator('.mistake mark', {hasText: ')'}).waitFor();
  await filter.fill('proc.name = bash');
  await filter.press('Enter');
  await page.locator('.mistake').waitFor({state: 'detached'});
  await live(page);
  await filter.fill('ää = "');
  await page.locator('.mistake-place').waitFor();
});

test('a click on a value includes it, another excludes it, and the address carries both', async open => {
  const host = unique('click');
  for (const name of ['nginx', 'nginx', 'my "odd" (name)']) await post({hostname: host, output_fields: {'proc.name': name}});
  const page = await open(filtered(`alert.hostname = ${host}`));
  await page.locator('.row').nth(2).waitFor();
  await page.getByRole('button', {name: 'my "odd" (name)'}).click();
  await page.getByRole('menuitem', {name: 'Only this'}).click();
  await page.locator('.row').nth(1).waitFor({state: 'detached'});
  await becomes(() => new URL(page.url()).searchParams.get('filter'), `alert.hostname = ${host} and proc.name = "my \\"odd\\" (name)"`);
  await page.getByRole('button', {name: 'my "odd" (name)'}).click();
  await page.getByRole('menuitem', {name: 'Not this'}).click();
  await rowOf(page, 'nginx').nth(1).waitFor();
  await page.locator('.feed-count', {hasText: '2 listed, all'}).waitFor();
  const other = await open(page.url().slice(base.length));
  await other.locator('.row').nth(1).waitFor();
  await becomes(() => other.locator('.row').count(), 2);
  await page.goBack();
  await rowOf(page, 'odd').waitFor();
  await becomes(() => page.locator('.row').count(), 1);
});

test('counts over time and the most frequent values follow the filter', async open => {
  const host = unique('counted');
  for (const [rule, n] of [
    ['Often', 3],
    ['Seldom', 1],
  ])
    for (let i = 0; i < n; ++i) await post({hostname: host, rule, priority: i ? 'Notice' : 'Critical', tags: ['T1059']});
  const page = await open(filtered(`alert.hostname = ${host}`));
  await page.locator('.legend-total', {hasText: '4 alerts'}).waitFor();
  await page.locator('.legend', {hasText: 'Critical and above 2'}).waitFor();
  const rules = page.getByRole('region', {name: 'Rules'});
  await becomes(() => rules.locator('li .num').allTextContents(), ['3', '1']);
  await page.getByRole('region', {name: 'Tags'}).getByRole('button', {name: 'T1059', exact: true}).waitFor();
  await post({hostname: host, rule: 'Seldom'});
  await page.locator('.legend-total', {hasText: '5 alerts'}).waitFor();
  await rules.getByRole('button', {name: 'Often', exact: true}).click();
  await page.locator('.legend-total', {hasText: '3 alerts'}).waitFor();
  await page.locator('.row').nth(3).waitFor({state: 'detached'});
});

test('dragging over the histogram chooses a time, and a fixed time is not live', async open => {
  const host = unique('drag');
  await post({hostname: host});
  await post({hostname: host, time: new Date(Date.now() - 40 * 60_000).toISOString()});
  const page = await open(filtered(`alert.hostname = ${host}`));
  await page.locator('.row').nth(1).waitFor();
  const box = await page.locator('.chart .u-over').boundingBox();
  await page.mouse.move(box.x + box.width * 0.05, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 45, {steps: 4});
  await page.mouse.up();
  await page.getByText('Fixed time').waitFor();
  await page.locator('.feed-count', {hasText: '1 listed, all'}).waitFor();
  const query = () => new URL(page.url()).searchParams;
  await becomes(() => query().get('from') < query().get('to'), true);
  await page.getByLabel('Time', {exact: true}).selectOption('1h');
  await page.locator('.row').nth(1).waitFor();
});

test('an alert tells all its fields, its ancestry, its stack and its technique', async open => {
  const rule = unique('Told');
  await post({
    rule,
    tags: ['T1059.004', 'mitre_execution', 'Tabc'],
    output_fields: {
      'proc.name': 'sh',
      'proc.pid': 77,
      'proc.pname': 'python3',
      'proc.aname[2]': 'tini',
      'proc.aname[4]': 'systemd',
      'proc.cmdline': 'sh -c id',
      'thread.stack': 'execve+0x2a (libc.so) <- run+0x41 (libimage.so.3) <-? main+0x9 (server)',
      'fd.name': null,
      'k8s.pod': {a: 1},
    },
  });
  const page = await open(filtered(`alert.rule = "${rule}"`));
  await page.getByRole('link', {name: rule}).click();
  const detail = page.getByRole('complementary', {name: 'Alert'});
  await detail.getByRole('heading', {name: rule}).waitFor();
  await becomes(() => detail.locator('.ancestry .value, .ancestry .muted:not(.num)').allTextContents(), [
    'systemd',
    'not told',
    'tini',
    'python3',
    'sh',
  ]);
  await becomes(() => detail.locator('.stack li').allTextContents(), [
    'execve+0x2a (libc.so)',
    'run+0x41 (libimage.so.3)',
    'main+0x9 (server) (guessed)',
  ]);
  const links = await detail.locator('a[target=_blank]').evaluateAll(all => all.map(a => [a.href, a.rel]));
  assert.deepEqual(links, [['https://attack.mitre.org/techniques/T1059/004/', 'noopener noreferrer']]);
  for (const name of ['proc.pid', 'thread.stack', 'fd.name', 'k8s.pod'])
    await detail.locator('dt', {hasText: new RegExp(`^${name}$`)}).waitFor();
  await detail.getByText('Raw JSON').click();
  await detail.locator('pre', {hasText: rule}).waitFor();
  const raw = JSON.parse(await detail.locator('pre').textContent());
  assert.equal(raw.rule, rule);
  await detail.getByRole('button', {name: 'JSON'}).click();
  await becomes(() => page.evaluate(() => navigator.clipboard.readText()).then(text => text.includes(raw.id)), true);
  const shared = await open(page.url().slice(base.length));
  await shared.getByRole('complementary', {name: 'Alert'}).getByRole('heading', {name: rule}).waitFor();
  await detail.getByRole('button', {name: 'Not proc.pid = 77'}).click();
  await page.locator('.row').waitFor({state: 'detached'});
  const gone = await open('/?alert=99-99');
  await gone.getByText('not kept any more').waitFor();
});

test('older alerts are loaded on demand, each once', async open => {
  const host = unique('older');
  for (let i = 0; i < 130; i += 26) await Promise.all(Array.from({length: 26}, (_, n) => post({hostname: host, rule: `number ${i + n}`})));
  const page = await open(filtered(`alert.hostname = ${host}`));
  await page.locator('.row').nth(99).waitFor();
  await page.getByRole('button', {name: 'Older alerts'}).click();
  await page.locator('.row').nth(129).waitFor();
  const rules = await page.locator('.row-rule').allTextContents();
  assert.equal(new Set(rules).size, 130);
  assert.equal(rules.length, 130);
});
