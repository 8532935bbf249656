// The playground as a developer sees it, on each framework. Every test has a page of its own.

import assert from 'node:assert/strict';
import { until } from './harness.js';
import { PHONE, onEach, pictured } from './stage.js';
import { Tab } from './tab.js';

/** A visitor's way through the operations, with the status that each is answered with. */
const TOUR = [
    ['untouched', /^200$/],
    ['session', /^200$/],
    ['devices', /^401$/],
    ['get', /^404$/],
    ['put', /^204$/],
    ['get', /^200$/],
    ['increment-update', /^200$/],
    ['increment-getset', /^200$/],
    ['append', /^204$/],
    ['interval', /^204$/],
    ['change-id', /^204$/],
    ['login', /^204$/],
    ['devices', /^200$/],
    ['end-device', /^404$/],
    ['end-others', /^204$/],
    ['form', /^200$/],
    ['logout', /^204$/],
    ['fail', /^500$/],
    // What becomes of the connection is up to the framework.
    ['panic', /^(none|500)$/],
    ['cookies', /^200$/],
    ['stream', /^200$/],
    ['delete', /^204$/],
    ['stats', /^200$/],
    ['invalidate', /^204$/],
    ['change-id', /^409$/],
    ['redirect', /^303$/],
];

/** Buttons that do more than send one request: they have tests of their own. */
const ACTS = ['socket', 'steal', 'forget', 'race', 'submit'];

const open = (context, server) => Tab.open(context, server);

onEach('the playground', open, (visit, framework) => {
    visit('answers every operation that can be clicked', async (tab) => {
        assert.ok((await tab.part('facts').innerText()).includes(framework));
        const clicked = new Set([...TOUR.map(([operation]) => operation), ...ACTS]);
        assert.deepEqual(new Set(await tab.operations()), clicked);

        await tab.fill('stream', 'chunks', '3');
        await tab.fill('stream', 'interval_ms', '20');
        for (const [operation, status] of TOUR) {
            const entry = await tab.send(operation, 'A');
            assert.match(entry.status, status, operation);
        }
        const redirected = await tab.finished('A', TOUR.length);
        assert.equal(redirected.status, '200');
        assert.match(redirected.request, /^GET \/attributes\/seen /);
    });

    visit('explains the cookie of the first write, and sets none with the second', async (tab) => {
        const first = await tab.send('put', 'A');
        const [parts, ...others] = first.setCookies;
        assert.deepEqual(others, []);
        const terms = new Map(parts);
        for (const term of ['__Host-sid', '<token #1>', 'HttpOnly', 'SameSite=Lax', 'Secure', 'Path=/', 'no Domain']) {
            assert.ok(terms.get(term)?.length > 20, `${term} is explained in ${parts}`);
        }
        assert.ok(first.changed.includes('Exists'));
        assert.ok(first.changed.includes('greeting'));
        assert.match(await tab.jar('A'), /^__Host-sid=<token #1>/);

        const second = await tab.send('put', 'A');
        assert.deepEqual(second.setCookies, []);
        assert.match(second.request, /cookie: __Host-sid=<token #1>/);
    });

    visit('shows what the server refuses, and why', async (tab) => {
        await tab.fill('put', 'value', '{');
        const entry = await tab.send('put', 'A');
        assert.equal(entry.status, '400');
        assert.match(entry.body, /"error": /);
        assert.deepEqual(entry.changed, []);
    });

    visit('gives the two browsers two sessions', async (tab) => {
        await tab.send('put', 'A');
        await tab.send('put', 'B');
        const [left, right] = [await tab.fingerprint('A'), await tab.fingerprint('B')];
        assert.ok(left && right);
        assert.notEqual(left, right);
        assert.match(await tab.jar('B'), /<token #2>/);
    });

    visit('shows that a stolen cookie is worth nothing after the id was changed', async (tab) => {
        await tab.send('put', 'A');
        const mine = await tab.fingerprint('A');
        await tab.click('steal', 'B');
        await until('the thief sees the session', async () => (await tab.fingerprint('B')) === mine);
        assert.match(await tab.jar('B'), /<token #1>/);

        const rotation = await tab.send('change-id', 'A');
        assert.equal(rotation.setCookies.length, 1);
        assert.ok(rotation.changed.includes('Fingerprint'));
        assert.equal(await tab.attribute('A', 'greeting'), '"hello"');

        const read = await tab.send('session', 'B');
        assert.match(read.body, /"exists": ?false/);
        assert.equal(await tab.fingerprint('B'), null);
        const write = await tab.send('put', 'B');
        assert.equal(write.status, '409');
        assert.deepEqual(write.setCookies, []);
        assert.match(await tab.jar('A'), /<token #2>/);
    });

    visit('changes the id at the login', async (tab) => {
        await tab.send('put', 'A');
        const login = await tab.send('login', 'A');
        assert.equal(login.setCookies.length, 1);
        assert.ok(login.changed.includes('Fingerprint'));
        assert.ok(login.changed.includes('Principal'));
        const logout = await tab.send('logout', 'A');
        assert.ok(logout.changed.includes('Principal'));
    });

    visit('deletes the cookie when the session is invalidated', async (tab) => {
        await tab.send('put', 'A');
        const end = await tab.send('invalidate', 'A');
        assert.ok(end.setCookies[0].some(([term]) => term === 'Max-Age=0'));
        assert.equal(await tab.jar('A'), 'empty');
        assert.equal(await tab.fingerprint('A'), null);
    });

    visit('forgets the cookies of one browser when asked to', async (tab) => {
        await tab.send('put', 'A');
        await tab.click('forget', 'A');
        await until('the jar is empty', async () => (await tab.jar('A')) === 'empty');
        assert.equal(await tab.fingerprint('A'), null);
    });

    visit('sets the cookies of the application beside that of the session', async (tab) => {
        const entry = await tab.send('cookies', 'A');
        const names = entry.setCookies.map(([[name]]) => name);
        assert.deepEqual(names.sort(), ['__Host-sid', 'a', 'b']);
        const jar = await tab.jar('A');
        assert.ok(jar.includes('a=1') && jar.includes('b=2'), jar);
    });

    visit('loses increments by get and set, and none by update', async (tab) => {
        await tab.click('race', 'A');
        await tab.browser('A').locator('[data-testid=race][data-state=complete]').waitFor();
        const total = async (mode) => Number(await tab.part(`lane-${mode}`).getAttribute('data-total'));
        assert.ok((await total('getset')) < 5);
        assert.equal(await total('update'), 5);
    });

    visit('keeps nothing of a request that panicked, and goes on', async (tab) => {
        await tab.send('put', 'A');
        const panic = await tab.send('panic', 'A');
        assert.ok(!panic.changed.includes('seen'));
        assert.equal((await tab.send('get', 'A')).status, '200');
    });

    visit('shows a stream as it comes, and keeps what was written when it is aborted', async (tab) => {
        await tab.fill('stream', 'chunks', '1000');
        await tab.fill('stream', 'interval_ms', '50');
        await tab.click('stream', 'A');
        await until('three lines are seen while more are coming', async () => {
            const [entry] = await tab.read('A');
            return entry?.state === 'running' && entry.body?.startsWith('1\n2\n3\n');
        });
        await tab.part('abort').click();
        const entry = await tab.finished('A', 0);
        assert.equal(entry.state, 'aborted');
        const seen = entry.body.trimEnd().split('\n').length;

        await tab.fill('get', 'name', 'progress');
        const kept = await until('what was seen is kept', async () => {
            const read = await tab.send('get', 'A');
            return read.status === '200' && Number(read.body) >= seen && Number(read.body);
        });
        assert.ok(kept < 1000, `${kept} of 1000 lines were written`);
    });

    visit('shows a whole stream and what it has written', async (tab) => {
        await tab.fill('stream', 'chunks', '5');
        await tab.fill('stream', 'interval_ms', '20');
        const entry = await tab.send('stream', 'A');
        assert.equal(entry.state, 'complete');
        assert.equal(entry.body, '1\n2\n3\n4\n5\n');
        assert.equal(await tab.attribute('A', 'progress'), '5');
    });

    visit('counts down to the end of the session, and sees it end', async (tab) => {
        await tab.send('put', 'A');
        await tab.fill('interval', 'seconds', '2');
        await tab.send('interval', 'A');
        await until('the session is over', async () => (await tab.fingerprint('A')) === null);
        assert.match(await tab.jar('A'), /<token #1>/, 'the browser does not know yet');
    });

    visit('names the plain cookie of an insecure server', async (tab) => {
        const [[name, , ...rest]] = (await tab.send('put', 'A')).setCookies;
        assert.equal(name[0], 'sid');
        const terms = rest.map(([term]) => term);
        assert.ok(terms.includes('no Secure') && !terms.includes('Secure'), String(terms));
    }, { options: ['--insecure'] });

    visit('explains the token when it travels in a header', async (tab) => {
        const first = await tab.send('put', 'A');
        assert.deepEqual(first.setCookies, []);
        assert.match(first.response, /x-auth-token: <token #1>/);
        assert.match(await tab.jar('A'), /x-auth-token: <token #1>/i);
        const second = await tab.send('get', 'A');
        assert.equal(second.status, '200');
        const end = await tab.send('invalidate', 'A');
        assert.match(end.response, /x-auth-token: *$/m);
        assert.equal(await tab.jar('A'), 'empty');
    }, { options: ['--header', 'X-Auth-Token'] });

    visit('is used without a mouse', async (tab) => {
        for (let presses = 0; (await tab.focused()) !== 'put-B'; presses++) {
            assert.ok(presses < 30, 'the Tab key reaches the first operation');
            await tab.page.keyboard.press('Tab');
        }
        await tab.page.keyboard.press('Enter');
        assert.equal((await tab.finished('B', 0)).status, '204');

        const entry = tab.entries('B').first();
        await entry.locator('summary').focus();
        await tab.page.keyboard.press('Enter');
        assert.equal(await entry.getAttribute('open'), null);
    });

    visit('shows one part at a time on a phone, none wider than the screen', async (tab) => {
        await tab.send('put', 'A');
        assert.equal(await tab.browser('A').isVisible(), false);
        assert.match(await tab.part('status').innerText(), /Browser A: PUT .* 204/);
        assert.ok((await tab.overflow()) <= 0);
        await tab.page.getByRole('link', { name: 'Browser A' }).click();
        await tab.browser('A').waitFor();
        assert.equal(await tab.part('operation-put').isVisible(), false);
        assert.ok((await tab.overflow()) <= 0);
    }, { profile: PHONE });

    visit('offers its relay to nobody but its own page', async (tab, { url }) => {
        const relay = (headers, body) =>
            fetch(`${url}/page/relay`, {
                method: 'POST',
                headers: { 'content-type': 'application/json', ...headers },
                body: JSON.stringify(body),
            });
        const question = { page: '0'.repeat(32), pane: 'A', method: 'GET', path: '/session', body: null };
        assert.equal((await relay({}, question)).status, 403);
        assert.equal((await relay({ origin: 'http://elsewhere.example' }, question)).status, 403);
        assert.equal((await relay({ origin: url }, question)).status, 410);

        const { page } = await tab.page.evaluate(async () => {
            const headers = { 'content-type': 'application/json' };
            return (await fetch('/page/open', { method: 'POST', headers, body: '{}' })).json();
        });
        for (const path of ['http://elsewhere.example/session', '//elsewhere.example/session', '/page/look', '/nowhere', 'session']) {
            assert.equal((await relay({ origin: url }, { ...question, page, path })).status, 400, path);
        }
        assert.equal((await relay({ origin: url }, { ...question, page, method: 'CONNECT' })).status, 400);
    });
});

pictured('playground', open, async (tab, picture, { server, isPhone }) => {
    const turnTo = (part) => isPhone && tab.page.goto(`${server.url}/#${part}`);
    await turnTo('operations');
    await picture('arrival');
    await tab.send('login', 'A');
    await tab.send('put', 'B');
    await tab.send('cookies', 'A');
    await turnTo('browser-A');
    await picture('first-write');
    await turnTo('operations');
    await tab.click('race', 'B');
    await tab.browser('B').locator('[data-testid=race][data-state=complete]').waitFor({ state: 'attached' });
    await turnTo('browser-B');
    await picture('race');
    await turnTo('operations');
    await tab.send('devices', 'A');
    await turnTo('browser-A');
    await picture('my-sessions', tab.part('my-sessions'));
    await turnTo('operations');
    await tab.click('socket', 'A');
    await turnTo('browser-A');
    for (const line of ['set basket ["tea"]', 'increment count', 'increment basket']) await tab.say('A', line);
    await picture('socket', tab.part('lines'));
});
