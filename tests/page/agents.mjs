// Agents with what they lost, rules with their hits. page_test.py runs a workload that lost alerts.
import assert from 'node:assert/strict';
import {becomes, post, test, unique} from './browser.mjs';

test('an agent is told with its coverage, version, lag and drops', async open => {
  const page = await open('/agents');
  const row = page.locator('.grid tbody tr', {hasText: 'team:page'});
  await row.waitFor();
  await row.getByText(/full|preload|trap/).first().waitFor();
  await becomes(async () => Number((await row.locator('td').last().textContent()).replaceAll(',', '')) > 0, true);
  await page.getByLabel('with drops').check();
  await row.getByRole('link').click();
  const detail = page.getByRole('complementary', {name: 'Agent'});
  await detail.locator('.drops', {hasText: 'forward_drops_spool_full_warning'}).waitFor();
  await detail.locator('dt', {hasText: 'kernel'}).waitFor();
  await detail.locator('.facts a').click();
  await page.locator('.row').first().waitFor();
  await becomes(() => new URL(page.url()).searchParams.get('filter')?.startsWith('alert.agent = '), true);
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
  await becomes(() => row.locator('td').first().textContent(), '3');
  await row.getByRole('link').click();
  await page.locator('.row').nth(2).waitFor();
  await becomes(() => page.locator('.row').count(), 3);
});

test('a collector that cannot be reached is said', async open => {
  const page = await open('/agents');
  await page.locator('.grid').waitFor();
  await page.context().setOffline(true);
  await page.getByText('cannot be reached').first().waitFor();
});
