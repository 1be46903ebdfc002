// Agents with what they lost, rules with their hits. page_test.py runs a workload that lost alerts.
import assert from 'node:assert/strict';
import {post, test, unique} from './browser.mjs';

test('an agent is told with its coverage, version, lag and drops', async open => {
  const page = await open('/agents');
  const row = page.locator('.grid tbody tr', {hasText: 'team:page'});
  await row.waitFor();
  assert.match(await row.textContent(), /full|preload|trap/);
  const drops = Number((await row.locator('td').last().textContent()).replaceAll(',', ''));
  assert.ok(drops > 0, `drops are ${drops}`);
  await page.getByLabel('with drops').check();
  await row.getByRole('link').click();
  const detail = page.getByRole('complementary', {name: 'Agent'});
  await detail.locator('.drops', {hasText: 'forward_drops_spool_full_warning'}).waitFor();
  await detail.locator('dt', {hasText: 'kernel'}).waitFor();
  await detail.locator('.facts a').click();
  await page.locator('.row').first().waitFor();
  assert.match(new URL(page.url()).searchParams.get('filter'), /^alert\.agent = /);
  await page.goto(page.url().split('/?')[0] + '/agents');
  await page.getByLabel('Search agents').fill('no such agent');
  await page.getByText('No agent fits.').waitFor();
});

test('rules are listed with their hits and lead to their alerts', async open => {
  const rule = unique('Hit');
  for (let i = 0; i < 3; ++i) await post({rule});
  const page = await open('/rules');
  const row = page.locator('.grid tbody tr', {hasText: rule});
  await row.waitFor();
  assert.equal(await row.locator('td').first().textContent(), '3');
  await row.getByRole('link').click();
  await page.locator('.row').nth(2).waitFor();
  assert.equal(await page.locator('.row').count(), 3);
});

test('a collector that cannot be reached is said', async open => {
  const page = await open('/agents');
  await page.locator('.grid').waitFor();
  await page.context().setOffline(true);
  await page.getByText('cannot be reached').first().waitFor();
});
