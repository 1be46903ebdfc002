// Who cannot see well, uses no mouse, or has a small screen: WCAG 2.1 A and AA by axe-core, keys, 360 pixels.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {becomes, live, post, require, rowOf, test, unique} from './browser.mjs';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function axe(page, where, part = 'html') {
  await page.evaluate(() => Promise.all(document.getAnimations().map(a => a.finish())));
  // By the debugger, which the page's policy does not bind.
  const problems = await page.evaluate(`(async () => { ${AXE}
    const found = await axe.run(${JSON.stringify(part)}, {runOnly: ${JSON.stringify(RULES)}});
    return found.violations.map(v => v.id + ': ' + v.help + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).slice(0, 3).join(' | '));
  })()`);
  assert.deepEqual(problems, [], where);
}

async function noSidewaysScrolling(page, where) {
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= seen, `${where} is ${wide} wide on ${seen}`);
}

for (const [colorScheme, width] of [
  ['light', 360],
  ['dark', 1440],
  ['light', 1440],
])
  test(`every view is accessible, ${colorScheme}, ${width} pixels wide`, async open => {
    for (const priority of ['Emergency', 'Error', 'Warning', 'Notice', 'Informational', 'Debug'])
      await post({
        rule: `Priority ${priority}`,
        priority,
        tags: ['T1059', 'a_very_long_tag_that_has_no_place_to_break_in_it_at_all'],
        output: `${'x'.repeat(200)} words of the output`,
        output_fields: {'proc.name': 'bash', 'proc.pname': 'sshd', ['f.' + 'y'.repeat(90)]: 'z'.repeat(300)},
      });
    const page = await open('/', {width, height: 800, colorScheme, login: false});
    await page.getByLabel('Password').waitFor();
    await axe(page, 'login');
    await noSidewaysScrolling(page, 'login');
    await page.getByLabel('Password').fill(process.env.COLLECTOR_PASSWORD);
    await page.getByLabel('Password').press('Enter');
    await live(page);
    await page.locator('.u-over').waitFor();
    await page.getByLabel('Filter: a condition').fill('(');
    await page.locator('.mistake').waitFor();
    await axe(page, 'alerts');
    await noSidewaysScrolling(page, 'alerts');
    await rowOf(page, 'Priority Emergency').first().getByRole('link').click();
    await page.getByRole('complementary').getByRole('heading', {name: 'Priority Emergency'}).waitFor();
    await axe(page, 'detail');
    await noSidewaysScrolling(page, 'detail');
    await page.getByRole('complementary').getByRole('button', {name: 'sshd', exact: true}).click();
    await page.getByRole('menu').waitFor();
    await axe(page, 'menu', '.menu');
    await page.keyboard.press('Escape');
    for (const name of ['Agents', 'Rules']) {
      await page.getByRole('navigation').getByRole('link', {name}).click();
      await page.locator('.grid tbody tr').first().waitFor();
      await axe(page, name);
      await noSidewaysScrolling(page, name);
    }
    await page.getByRole('button', {name: 'Keyboard'}).click();
    await page.getByRole('dialog').waitFor();
    await axe(page, 'keys');
  });

test('everything can be done by keys', async open => {
  const host = unique('keys');
  await post({hostname: unique('other')});
  for (const n of [1, 2, 3]) await post({hostname: host, rule: `Key ${n}`});
  const page = await open('/');
  await live(page);
  await page.keyboard.press('/');
  await page.keyboard.type(`alert.hostname = ${host}`);
  await page.keyboard.press('Enter');
  await page.waitForURL(/filter=/);
  await page.locator('.feed-count', {hasText: '3 listed, all'}).waitFor();
  await live(page);
  await page.keyboard.press('Escape');
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('j');
  await becomes(focused, 'Key 3');
  await page.keyboard.press('ArrowDown');
  await becomes(focused, 'Key 2');
  await page.keyboard.press('Enter');
  const detail = page.getByRole('complementary', {name: 'Alert'});
  await detail.waitFor();
  await becomes(focused, 'Key 2');
  await page.keyboard.press('Escape');
  await detail.waitFor({state: 'detached'});
  await becomes(() => page.evaluate(() => document.activeElement.className), 'row-rule');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', {name: 'Only this'}).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  await page.waitForFunction(text => document.activeElement.textContent === text, host);
  await page.keyboard.press('p');
  await page.getByText('Paused').waitFor();
  await page.getByRole('button', {name: 'Keyboard'}).press('Enter');
  await page.getByLabel('Single letters are commands').press('Space');
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.getByText('Paused').waitFor();
  assert.equal(await page.getByText('Paused').count(), 1);
});

test('the chosen colours stay', async open => {
  const page = await open('/', {colorScheme: 'light'});
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole('button', {name: 'Colours: as the system'}).click();
  await page.getByRole('button', {name: 'Colours: light'}).waitFor();
  assert.equal(await ground(), light);
  await page.getByRole('button', {name: 'Colours: light'}).click();
  await becomes(async () => (await ground()) !== light, true);
  const dark = await ground();
  await page.reload();
  await page.getByRole('button', {name: 'Colours: dark'}).waitFor();
  await becomes(ground, dark);
});
