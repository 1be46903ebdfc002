// Whatever stands in an alert stays text: markup, SQL, terminal escapes, texts that hide or pretend, in every field.
import assert from 'node:assert/strict';
import {base, becomes, filtered, live, post, rowOf, test, unique} from './browser.mjs';

const EVIL = [
  '<img src=x onerror=alert(1)><script>alert(2)</script>',
  '"><svg onload=alert(3)>',
  'javascript:alert(4)//\'"',
  '{{constructor.constructor("alert(5)")()}}',
  "'; DROP TABLE alerts; --",
  '\x1b[2J\x1b]0;owned\x07\x9b31m',
  'user\u202eexe.txt\u2066',
  'zero\u200bwidth\ufeff',
  '%2e%2e/../../etc/passwd',
  '\u0000nul',
  'a'.repeat(3000),
  '__proto__',
  'constructor',
  '-- or 1=1 and not "x',
  'ends with backslash\\',
  'line one\nline two\r\ttab',
];

// Everything a reader sees of the page, with the titles.
const seen = page => page.evaluate(() => document.body.innerText + [...document.querySelectorAll('[title]')].map(e => e.title).join('\n'));

test('no field of an alert becomes markup, script or a hidden text', async open => {
  const host = unique('evil');
  const page = await open('/');
  await live(page);
  for (const [i, evil] of EVIL.entries()) {
    await post({
      hostname: `${host}-${evil.slice(0, 200)}`,
      rule: `evil ${i} ${evil.slice(0, 200)}`,
      output: evil,
      source: evil.slice(0, 200),
      tags: [evil.slice(0, 200), 'T1059<b>'],
      output_fields: {
        [evil.slice(0, 200) || 'x']: evil,
        'proc.name': evil,
        'proc.pname': evil,
        'proc.cmdline': evil,
        'proc.aname[2]': evil,
        'thread.stack': `${evil} <- ${evil}`,
      },
    });
  }
  for (const i of EVIL.keys()) {
    const row = rowOf(page, new RegExp(`evil ${i} `));
    await row.getByRole('link').click();
    await page
      .getByRole('complementary')
      .getByRole('heading', {name: new RegExp(`^evil ${i} `)})
      .waitFor();
    await page.getByText('Raw JSON').click();
    assert.doesNotMatch(await seen(page), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/, EVIL[i]);
    assert.equal(
      await page
        .locator('script:not([src]), #page img, #page iframe, #page object, #page [onerror], #page [onload], a[href^="javascript"]')
        .count(),
      0,
    );
    assert.equal(await page.getByText('MITRE ATT&CK').count(), 0);
  }
  await rowOf(page, /evil 5 /)
    .getByText('\\x1b[2J', {exact: false})
    .first()
    .waitFor();
  const title = await page.title();
  assert.doesNotMatch(title, /owned/);
});

test('a click on a hostile value finds that alert and no other', async open => {
  const host = unique('exact');
  for (const evil of EVIL) await post({hostname: host, rule: 'exact', output_fields: {'user.name': evil}});
  const all = filtered(`alert.hostname = ${host}`);
  const page = await open(all);
  for (const [i, evil] of EVIL.entries()) {
    if (evil.endsWith('\\') || evil.includes('\0') || evil.length > 2000) continue; // the language cannot say them; the page does not offer it
    await page.goto(base + all);
    await page
      .locator('.row-rule')
      .nth(EVIL.length - 1 - i)
      .click();
    await page.locator('.fields button[aria-label^="Only user.name"]').click();
    await page.locator('.feed-count', {hasText: '1 listed, all'}).waitFor();
    assert.equal(await page.locator('.mistake').count(), 0, evil);
    await becomes(
      () =>
        page
          .locator('.row a')
          .getAttribute('href')
          .then(h => new URLSearchParams(h.slice(2)).get('alert') === new URL(page.url()).searchParams.get('alert')),
      true,
    );
  }
});

test('what stands in the address is data, too', async open => {
  const page = await open('/');
  for (const path of [
    filtered('<img src=x onerror=alert(1)>'),
    '/?q=%3Cscript%3Ealert(1)%3C/script%3E',
    '/?alert=%3Cb%3E',
    '/?range=__proto__&priority=%3Cb%3E',
    '/?from=x&to=y',
    '/agents?agent=%3Cimg%20src=x%20onerror=alert(1)%3E',
    '/%3Cimg%20src=x%3E',
    '//evil.example/',
  ]) {
    await page.goto(base + path);
    await page.getByRole('main').waitFor();
    assert.equal(await page.locator('#page img').count(), 0, path);
    assert.ok(page.url().startsWith(base), path);
  }
});

test('the policy keeps foreign and inline script out, whatever got into the page', async open => {
  const page = await open('/');
  const ran = await page.evaluate(async () => {
    const inline = document.createElement('script');
    inline.textContent = 'window.ran = "inline"';
    document.body.append(inline);
    const box = document.createElement('div');
    box.innerHTML = '<img src="data:," onerror="window.ran = \'handler\'"><form action="https://evil.example/"><button></button></form>';
    document.body.append(box);
    await new Promise(done => setTimeout(done, 50));
    try {
      window.ran ??= new Function('return "eval"')();
    } catch {}
    await fetch('https://evil.example/').then(
      () => (window.ran = 'fetch'),
      () => {},
    );
    return window.ran ?? null;
  });
  assert.equal(ran, null);
  assert.ok(page.troubles.some(t => /Content Security Policy/.test(t)));
  page.troubles.length = 0;
  const headers = (await page.request.get(base + '/')).headers();
  assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*/);
  const html = await (await page.request.get(base + '/')).text();
  assert.doesNotMatch(html, /style=|\son\w+=|<style|https?:/);
});
