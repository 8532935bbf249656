// The administrator's page, on each framework. Every test has a server and a page of its own.

import assert from 'node:assert/strict';
import { AdminTab, Visitor } from './admin-tab.js';
import { until } from './harness.js';
import { AWAY, PHONE, onEach, pictured } from './stage.js';

const open = (context, server) => AdminTab.open(context, server);

onEach("the administrator's page", open, (visitAny) => {
    const visit = (sentence, body, settings) => visitAny(sentence, body, { options: [], ...settings });

    visit('draws the live sessions over time and follows them', async (tab, server) => {
        await tab.live(0);
        const [before, drawn] = [await tab.samples(), await tab.part('plot').locator('.line').getAttribute('d')];
        assert.ok(before >= 1, `${before} samples`);
        for (const count of [1, 2, 3]) {
            await Visitor.anonymous(server);
            await tab.live(count);
        }
        assert.ok((await tab.samples()) >= before + 3, `${await tab.samples()} samples`);
        const path = await tab.part('plot').locator('.line').getAttribute('d');
        assert.notEqual(path, drawn);
        assert.ok((path.match(/V /g) ?? []).length >= 3, path);
        assert.match(await tab.part('plot-caption').innerText(), /^3 now; between 0 and 3 in the last minute/);
        assert.equal(await tab.page.getByRole('img', { name: /^3 now; between 0 and 3/ }).count(), 1);
        const youngest = tab.part('ages').locator('tr').first();
        assert.match(await youngest.innerText(), /up to a minute\s+3/);
    });

    visit('counts what became of sessions and what the store was asked', async (tab, server) => {
        const [ended, out] = [await Visitor.anonymous(server), await Visitor.logIn(server, 'ada')];
        await ended.send('POST', '/invalidate');
        await out.send('POST', '/logout');
        await until('both ends are counted', async () => (await tab.count('ends', 'logged_out')) === '1');
        assert.equal(await tab.count('ends', 'invalidated'), '1');
        assert.equal(await tab.count('calls', 'create'), '2');
        assert.match(await tab.part('counts').innerText(), /Created\s+2\s+Expired\s+0\s+Ended before their time\s+2/);
    });

    visit('sees sessions expire that nobody comes back to', async (tab, server) => {
        await Visitor.anonymous(server);
        await tab.live(0);
        await until('the end is counted', async () => (await tab.count('ends', 'expired')) === '1');
    }, { options: ['--idle', '1'] });

    visit('lists the sessions of a principal, ends one and sees it gone', async (tab, server) => {
        const phone = await Visitor.logIn(server, 'ada', 'Phone');
        const laptop = await Visitor.logIn(server, 'ada', 'Laptop');
        const bob = await Visitor.logIn(server, 'bob', 'Phone');
        await tab.show('ada', 2);
        const rows = tab.part('theirs').locator('tbody th');
        assert.deepEqual((await rows.allInnerTexts()).sort(), ['Laptop', 'Phone']);
        await tab.page.getByRole('button', { name: 'End the session Phone of ada' }).click();
        await tab.listed(1);
        assert.deepEqual(await rows.allInnerTexts(), ['Laptop']);
        assert.equal(await phone.isAlive(), false);
        assert.equal(await laptop.isAlive(), true);
        assert.equal(await bob.isAlive(), true);
        await until('it is told', async () => /Phone of ada is ended/.test(await tab.part('status').innerText()));
        assert.equal(await tab.count('ends', 'terminated'), '1');
        await tab.live(2);
    });

    visit('ends all sessions of a principal', async (tab, server) => {
        const theirs = [await Visitor.logIn(server, 'ada'), await Visitor.logIn(server, 'ada')];
        const bob = await Visitor.logIn(server, 'bob');
        await tab.show('ada', 2);
        await tab.part('end-all').click();
        await until('none is left', async () => /ada has no live session/.test(await tab.part('theirs').innerText()));
        for (const visitor of theirs) assert.equal(await visitor.isAlive(), false);
        assert.equal(await bob.isAlive(), true);
    });

    visit('says when a session had ended already, and what is left', async (tab, server) => {
        const visitor = await Visitor.logIn(server, 'ada');
        await tab.show('ada', 1);
        await visitor.send('POST', '/logout');
        // The browser complains of every answer that is no success.
        tab.excused = /status of 404/;
        await tab.part('end').click();
        await tab.part('trouble').waitFor();
        assert.match(await tab.part('trouble').innerText(), /no such session/);
        await tab.listed(0);
    });

    visit('logs everyone out once that is confirmed', async (tab, server) => {
        const [ada, anonymous] = [await Visitor.logIn(server, 'ada'), await Visitor.anonymous(server)];
        await tab.live(2);
        await tab.show('ada', 1);
        await tab.part('log-everyone-out').click();
        assert.match(await tab.part('confirm').innerText(), /2 sessions are live/);
        await tab.part('cancel').click();
        assert.equal(await tab.part('confirm').isVisible(), false);
        assert.equal(await ada.isAlive(), true);

        await tab.part('log-everyone-out').click();
        await tab.part('confirmed').click();
        await tab.live(0);
        await tab.listed(0);
        assert.equal(await ada.isAlive(), false);
        assert.equal(await anonymous.isAlive(), false);
        assert.equal(await tab.count('ends', 'generation'), '2');
        await Visitor.logIn(server, 'ada');
        await tab.live(1);
    });

    visit('is used without a mouse', async (tab, server) => {
        for (const label of ['One', 'Two']) await Visitor.logIn(server, 'ada', label);
        const press = (key) => tab.page.keyboard.press(key);
        await press('Tab');
        assert.match(await tab.page.evaluate(() => document.activeElement.textContent), /Skip to the sessions/);
        await press('Enter');
        await press('Tab');
        assert.equal(await tab.focused(), 'principal');
        await tab.page.keyboard.type('ada');
        await press('Enter');
        await tab.listed(2);
        await press('Tab');
        await press('Tab');
        assert.equal(await tab.focused(), 'end');
        await press('Enter');
        await tab.listed(1);
        await until('the focus stays in the list', async () => (await tab.focused()) === 'end');
        await press('Tab');
        assert.equal(await tab.focused(), 'end-all');
        await press('Tab');
        assert.equal(await tab.focused(), 'log-everyone-out');
        await press('Enter');
        await tab.part('confirm').waitFor();
        assert.equal(await tab.focused(), 'cancel', 'the harmless button comes first');
        await press('Escape');
        assert.equal(await tab.part('confirm').isVisible(), false);
        assert.equal(await tab.focused(), 'log-everyone-out');
        await tab.live(1);
    });

    visit('says when the server is away', async (tab, server) => {
        tab.excused = AWAY;
        await server.stop();
        await tab.part('trouble').waitFor();
        assert.match(await tab.part('trouble').innerText(), /does not answer/);
    });

    visit('fits on a phone', async (tab, server) => {
        for (const label of ['A label that is quite a bit longer than others', 'Two']) await Visitor.logIn(server, 'ada', label);
        await tab.show('ada', 2);
        assert.ok((await tab.overflow()) <= 0);
        await tab.part('end').first().click();
        await tab.listed(1);
        await tab.part('log-everyone-out').click();
        assert.ok((await tab.overflow()) <= 0);
        await tab.part('cancel').click();
    }, { profile: PHONE });
});

pictured('admin', open, async (tab, picture, { server }) => {
    await picture('arrival');
    const visitors = [];
    for (const count of [3, 5, 4]) {
        for (let number = 0; number < count; number++) visitors.push(await Visitor.anonymous(server));
        await until('they are counted', async () => Number(await tab.part('live').innerText()) >= visitors.length);
        await visitors.pop().send('POST', '/invalidate');
    }
    for (const label of ['Phone', 'Laptop']) await Visitor.logIn(server, 'alice', label);
    await tab.show('alice', 2);
    await picture('figures');
    await picture('sessions', tab.part('theirs'));
    await tab.part('log-everyone-out').click();
    await picture('confirmation', tab.part('log-everyone-out'));
    await tab.part('confirmed').click();
    await tab.live(0);
});
