// What the tests of the page share: Chromium, a page that is logged in, alerts as Falco posts them.
//
// Must stay true: each test fails when the page raised an error, broke its Content-Security-Policy or opened a dialog; waiting is for a
// condition with a deadline. page_test.py starts the collector and says in the environment where it is.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import nodeTest, {after} from 'node:test';
import {setTimeout} from 'node:timers/promises';
import {isDeepStrictEqual} from 'node:util';

const {PAGE_SOURCES, COLLECTOR_URL, COLLECTOR_KEY, COLLECTOR_PASSWORD, CHROMIUM} = process.env;
export const require = createRequire(`${PAGE_SOURCES}/package.json`);
export const base = COLLECTOR_URL;
export const password = COLLECTOR_PASSWORD;
const PATIENCE = 20_000;

const browser = await require('playwright-core').chromium.launch({
  executablePath: CHROMIUM,
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
after(() => browser.close());

// The cookie of one login; a login takes the server a while, on purpose.
let session;

// A page in a browser of its own. `troubles` gathers what must not happen.
export async function open(path, {width = 1440, height = 900, colorScheme = 'light', login = true} = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: {width, height},
    colorScheme,
    permissions: ['clipboard-read', 'clipboard-write'],
    storageState: login ? session : undefined,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.troubles = [];
  page.on('pageerror', e => page.troubles.push(`error: ${e}`));
  page.on('dialog', d => (page.troubles.push(`dialog: ${d.message()}`), d.dismiss()));
  page.on('console', m => /Content Security Policy|Uncaught/i.test(m.text()) && page.troubles.push(m.text()));
  page.on('request', r => !r.url().startsWith(base) && !r.url().startsWith('data:') && page.troubles.push(`foreign: ${r.url()}`));
  await page.goto(base + path);
  if (login && !session) {
    await logIn(page);
    session = await context.storageState();
  } else if (login) {
    await page.getByRole('navigation', {name: 'Views'}).waitFor();
  }
  return page;
}

export async function logIn(page, word = password) {
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', {name: 'Log in'}).click();
  await page.getByRole('navigation', {name: 'Views'}).waitFor();
}

export async function live(page) {
  await page.getByText('Live', {exact: true}).waitFor();
  await page.getByText('Searching…').waitFor({state: 'detached'});
}

let last = 0;
export const unique = word => `${word}-${process.pid}-${++last}`;

// An alert as Falco would send it, of this moment.
export function alertOf(change = {}) {
  return {
    rule: 'Shell in container',
    priority: 'Warning',
    output: 'A shell was spawned',
    hostname: 'node-1',
    source: 'syscall',
    tags: ['shell'],
    time: new Date().toISOString().replace('Z', '000000Z'),
    output_fields: {'proc.name': 'bash'},
    ...change,
  };
}

export async function post(change = {}) {
  const answer = await fetch(base + '/', {
    method: 'POST',
    headers: {Authorization: `Bearer ${COLLECTOR_KEY}`},
    body: JSON.stringify(alertOf(change)),
  });
  assert.equal(answer.status, 200, await answer.text());
}

// The condition as a filter in an address.
export const filtered = (condition, more = '') => `/?filter=${encodeURIComponent(condition)}${more}`;
export const rowOf = (page, text) => page.locator('.row', {hasText: text});

// Waits until what `get` gives is `wanted`: a key or a click is answered by the next rendering, not at once.
export async function becomes(get, wanted) {
  const deadline = Date.now() + PATIENCE;
  for (let got; !isDeepStrictEqual((got = await get()), wanted); await setTimeout(20))
    if (Date.now() > deadline) assert.deepEqual(got, wanted);
}

// A test whose pages are closed at its end, and looked at for troubles.
export function test(name, body) {
  nodeTest(name, {timeout: 3 * PATIENCE}, async () => {
    const pages = [];
    await body(async (...a) => {
      const page = await open(...a);
      pages.push(page);
      return page;
    });
    for (const page of pages) {
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    }
  });
}
