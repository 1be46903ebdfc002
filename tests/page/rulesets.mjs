// Rulesets: checked, put in force, replaced, removed.
import assert from 'node:assert/strict';
import {becomes, test, unique} from './browser.mjs';

const rule = (name, condition = 'evt.type = open') =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: "o %proc.name"\n  priority: NOTICE\n`;
const file = (name, text) => ({name, mimeType: 'application/yaml', buffer: Buffer.from(text)});

test('a ruleset is checked, put in force, replaced and removed', async open => {
  const page = await open('/rules');
  const name = unique('web');
  await page.getByRole('button', {name: 'New ruleset'}).click();
  const panel = page.getByRole('complementary', {name: 'Ruleset'});
  await panel.getByLabel('Name').fill(name);
  await panel.getByLabel('Scope').fill('agent.tags = nobody:has-this');
  await panel.getByLabel('Files').setInputFiles(file('bad.yaml', rule('Bad', 'evt.type = and')));
  await panel.getByRole('button', {name: 'Check'}).click();
  await panel
    .getByRole('alert')
    .getByText(/bad\.yaml:3:\d+/)
    .waitFor();
  await panel.getByRole('button', {name: 'Put in force'}).click();
  await panel.getByRole('alert').getByText('It is refused').waitFor();
  assert.equal(await page.locator('.grid', {hasText: name}).count(), 0);

  await panel.getByLabel('Files').setInputFiles([file('a.yaml', rule('One')), file('b.yaml', rule('Two <b>bold</b>'))]);
  await panel.getByRole('button', {name: 'Check'}).click();
  await panel.getByText('It would be taken, 2 rules').waitFor();
  await panel.getByRole('button', {name: 'Put in force'}).click();
  const row = page.locator('.grid tr', {hasText: `${name}@`});
  await row.waitFor();
  await page.locator('.grid tr', {hasText: /agent\.tags = nobody:has-this.*0 of 0.*admin/}).waitFor();
  await panel.getByText('b.yaml').click();
  await panel.getByText('- rule: Two <b>bold</b>').waitFor();
  const first = await panel.getByRole('heading', {level: 2}).textContent();

  await panel.getByLabel('Files').setInputFiles(file('a.yaml', rule('Three')));
  await panel.getByRole('button', {name: 'Put in force'}).click();
  await panel.getByText('is in force, 1 rules').waitFor();
  const versions = panel.getByRole('combobox', {name: 'Version'});
  await versions.locator('option').nth(1).waitFor({state: 'attached'});
  await becomes(() => versions.locator('option').count(), 2);
  await becomes(async () => (await panel.getByRole('heading', {level: 2}).textContent()) !== first, true);
  await versions.selectOption(first.split('@')[1]);
  await panel.getByText('b.yaml').waitFor();

  await panel.getByRole('button', {name: 'Remove this ruleset'}).click();
  await panel.getByRole('button', {name: 'Remove', exact: true}).click();
  await row.waitFor({state: 'detached'});
});

test('a scope that is no condition is refused with its reason', async open => {
  const page = await open('/rules?ruleset=:new');
  const panel = page.getByRole('complementary', {name: 'Ruleset'});
  await panel.getByLabel('Name').fill(unique('scope'));
  await panel.getByLabel('Scope').fill('agent.tags = (');
  await panel.getByLabel('Files').setInputFiles(file('a.yaml', rule('One')));
  await panel.getByRole('button', {name: 'Check'}).click();
  await panel.getByRole('alert').getByText('of the scope').waitFor();
});
