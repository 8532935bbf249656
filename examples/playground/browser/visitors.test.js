// Logging in, one's own sessions, a form, and a WebSocket, as a developer clicks them.

import assert from 'node:assert/strict';
import { until } from './harness.js';
import { AWAY, PHONE, onEach } from './stage.js';
import { Tab } from './tab.js';

const open = (context, server) => Tab.open(context, server);

const TWO_WEEKS = 14 * 24 * 60 * 60;

/** Logs both browsers in as the same principal, each under a label. */
async function logInTwice(tab, principal) {
    for (const [browser, label] of [['A', 'Phone'], ['B', 'Laptop']]) {
        await tab.fill('login', 'principal', principal);
        await tab.fill('login', 'label', label);
        assert.equal((await tab.send('login', browser)).status, '204');
    }
}

/** The labels in the newest list of a browser, once it has so many rows. */
async function labels(tab, browser, count) {
    const rows = tab.browser(browser).getByTestId('my-sessions').first().locator('tbody th');
    await until(`${count} sessions are listed`, async () => (await rows.count()) === count);
    return rows.allInnerTexts();
}

onEach('the visitors of the playground', open, (visit) => {
    visit('log in under a label and are remembered when they like', async (tab) => {
        await tab.fill('login', 'label', 'Firefox on Linux');
        await tab.check('login', 'remember');
        const login = await tab.send('login', 'A');
        assert.match(login.request, /\{"principal":"alice","label":"Firefox on Linux","remember":true\}/);
        const terms = login.setCookies[0].map(([term]) => term);
        assert.ok(terms.includes(`Max-Age=${TWO_WEEKS}`), String(terms));
        assert.match(await tab.browser('A').getByTestId('session').innerText(), new RegExp(`${TWO_WEEKS} s`));
    });

    visit('see where else they are logged in and end one of these sessions', async (tab) => {
        await logInTwice(tab, 'bea');
        await tab.send('devices', 'B');
        const listed = await labels(tab, 'B', 2);
        assert.deepEqual(listed.map((label) => label.replace(/\s*this one/, '')).sort(), ['Laptop', 'Phone']);
        assert.ok(listed.some((label) => /^Laptop\s*this one$/.test(label)), String(listed));
        await tab.browser('B').getByRole('button', { name: 'End the session Phone' }).click();
        await until('the other browser sees its session gone', async () => (await tab.fingerprint('A')) === null);
        assert.equal((await labels(tab, 'B', 1)).length, 1);
        const [list, end] = await tab.read('B');
        assert.match(list.request, /^GET \/me\/sessions /);
        assert.match(end.request, /^DELETE \/me\/sessions\/[0-9a-f]{32} /);
        assert.equal(end.status, '204');
    });

    visit('end all of their sessions but the one they use', async (tab) => {
        await logInTwice(tab, 'carl');
        await tab.send('devices', 'A');
        await labels(tab, 'A', 2);
        await tab.browser('A').getByRole('button', { name: 'End all sessions but this one' }).click();
        await until('the other browser sees its session gone', async () => (await tab.fingerprint('B')) === null);
        assert.match((await labels(tab, 'A', 1))[0], /^Phone/);
    });

    visit('cannot end the session of somebody else by its handle', async (tab) => {
        await tab.fill('login', 'principal', 'dora');
        await tab.send('login', 'A');
        const [{ handle }] = JSON.parse((await tab.send('devices', 'A')).body);
        await tab.fill('login', 'principal', 'emil');
        await tab.send('login', 'B');
        await tab.fill('end-device', 'handle', handle);
        assert.equal((await tab.send('end-device', 'B')).status, '404');
        assert.equal((await tab.send('end-device', 'A')).status, '204');
        assert.equal(await tab.jar('A'), 'empty');
    });

    visit('send a form with the token that it came with, and nobody else does', async (tab) => {
        await tab.send('put', 'B');
        const unfilled = await tab.send('submit', 'A');
        assert.equal(unfilled.status, '403');
        await tab.send('form', 'A');
        const forged = await tab.send('submit', 'B');
        assert.equal(forged.status, '403');
        assert.ok(!forged.changed.includes('form'), 'a forgery changes nothing');
        assert.equal(await tab.attribute('B', 'form'), null);

        await tab.click('submit', 'A');
        await until('the form is shown again', async () => {
            const [shown, sent] = await tab.read('A');
            return shown.compared && shown.status === '200' && sent.status === '303';
        });
        const [, sent] = await tab.read('A');
        assert.match(sent.request, /content-type: application\/x-www-form-urlencoded/);
        assert.match(sent.request, /value=tea\+%26\+cake$/);
        assert.equal(await tab.attribute('A', 'form'), '"tea & cake"');
    });

    visit('talk over a WebSocket about the session that it was opened with', async (tab) => {
        await tab.send('put', 'A');
        await tab.click('socket', 'A');
        assert.equal(await tab.say('A', 'get greeting'), '"hello"');
        assert.equal(await tab.say('A', 'increment count'), '1');
        assert.equal(await tab.say('A', 'increment count'), '2');
        assert.match(await tab.say('A', 'dance'), /^error: /);
        await until('the card shows what was stored', async () => (await tab.attribute('A', 'count')) === '2');

        await tab.send('put', 'A');
        await tab.send('change-id', 'A');
        const entry = tab.browser('A').locator('[data-testid=entry][data-path="/ws"]');
        await entry.locator('summary').click();
        assert.match(await tab.say('A', 'get count'), /^error: /);
        await entry.getByTestId('abort').click();
        await until('it is closed', async () => (await entry.getAttribute('data-state')) === 'aborted');
        assert.equal(await entry.getByTestId('say').count(), 0);
    });

    visit('open no WebSocket without a session', async (tab) => {
        await tab.click('socket', 'B');
        const entry = await tab.finished('B', 0);
        assert.equal(entry.status, '409');
        assert.match(entry.body, /There is no session/);
        assert.equal(await tab.browser('B').getByTestId('say').count(), 0);
        assert.equal(await tab.jar('B'), 'empty');
    });

    visit('talk over a WebSocket without a mouse', async (tab) => {
        await tab.send('put', 'A');
        await tab.part('socket-A').focus();
        await tab.page.keyboard.press('Enter');
        await until('the line has the focus', async () => (await tab.focused()) === 'line');
        await tab.page.keyboard.press('Enter');
        const lines = tab.browser('A').getByTestId('lines').locator('li');
        await until('it is answered', async () => (await lines.count()) === 2);
        assert.deepEqual(await lines.allInnerTexts(), ['increment count', '1']);
    });

    visit('are told that the server closes their WebSocket', async (tab, server) => {
        await tab.send('put', 'A');
        await tab.click('socket', 'A');
        await tab.say('A', 'get greeting');
        // The page goes on looking for a server that is gone.
        tab.excused = AWAY;
        await server.stop();
        const lines = tab.browser('A').getByTestId('lines').locator('li');
        await until('it is told', async () => /code 1001/.test((await lines.allInnerTexts()).at(-1)));
    }, { options: [] });

    visit('are counted, without a session being consulted', async (tab) => {
        const counts = async () => JSON.parse((await tab.send('stats', 'B')).body);
        const before = await counts();
        await tab.send('put', 'A');
        const after = await counts();
        assert.equal(after.created, before.created + 1);
        assert.equal(after.live, before.live + 1);
        assert.equal(await tab.jar('B'), 'empty');
    });

    visit('see all of it on a phone, none wider than the screen', async (tab) => {
        await logInTwice(tab, 'ö'.repeat(100));
        await tab.send('devices', 'A');
        await tab.page.getByRole('link', { name: 'Browser A' }).click();
        assert.ok((await tab.overflow()) <= 0);
        await tab.page.getByRole('link', { name: 'Operations', exact: true }).click();
        assert.ok((await tab.overflow()) <= 0);
        await tab.click('socket', 'A');
        await tab.page.getByRole('link', { name: 'Browser A' }).click();
        const long = JSON.stringify('ö'.repeat(200));
        assert.equal(await tab.say('A', `set a ${long}`), long);
        assert.ok((await tab.overflow()) <= 0);
    }, { profile: PHONE });
});
