// The chat as a visitor sees it. Every test has a browser profile of its own.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { FRAMEWORK, Server, setting, startBrowser, until } from './harness.js';
import { Tab } from './tab.js';
import { DESKTOP, PHONE, visits } from './visit.js';

/** Milliseconds between tokens, so that a reply takes about three seconds and can be stopped. */
const LEISURELY = 100;
const AT_ONCE = 0;

describe(`a chat on ${FRAMEWORK} in a browser`, () => {
    let browser, quick, slow;
    const visit = visits(() => browser);

    before(async () => {
        [browser, quick, slow] = await Promise.all([
            startBrowser(),
            Server.start({ tokenDelay: AT_ONCE }),
            Server.start({ tokenDelay: LEISURELY }),
        ]);
    });

    after(async () => {
        await browser?.close();
        await Promise.all([quick?.stop(), slow?.stop()]);
    });

    visit('is answered from what was said before, over three turns', async (open) => {
        const tab = await open(quick);
        assert.ok((await tab.say('My name is Hanako.', 1)).includes('My name is Hanako.'));
        await tab.say('I like green tea.', 2);
        assert.ok((await tab.say('What is my name?', 3)).includes('“My name is Hanako.”'));
    });

    visit('is answered in Japanese with the same memory', async (open) => {
        const tab = await open(quick);
        await tab.say('お茶が好きです。', 1);
        assert.ok((await tab.say('さっき何て言った？', 2)).includes('「お茶が好きです。」'));
    });

    visit('shows a reply while it is being made', async (open) => {
        const tab = await open(slow);
        await tab.send('I like green tea.');
        const beginning = await tab.partialReply();
        const whole = await tab.replies(1);
        assert.ok(whole.startsWith(beginning.trimEnd()) && whole.length > beginning.length);
    });

    visit('has all of ten turns after a reload', async (open) => {
        const tab = await open(quick);
        for (let turn = 1; turn <= 10; turn++) await tab.say(`This is turn ${turn}.`, turn);
        const seen = await tab.seen();
        assert.equal(seen.length, 20);
        await tab.reload();
        assert.deepEqual(await until('the history is back', () => tab.seenWhenThere(20)), seen);
    });

    visit('keeps what was said when the visitor stops the reply, marked incomplete', async (open) => {
        const tab = await open(slow);
        await tab.send('I like green tea.');
        const seen = await tab.partialReply();
        await tab.part('stop').click();
        const part = await tab.keptPart();
        assert.ok(part.content.startsWith(seen.trimEnd()), `${part.content} begins with ${seen}`);

        await tab.reload();
        const [, reply] = await until('the history is back', () => tab.seenWhenThere(2));
        assert.deepEqual(reply, { role: 'assistant', complete: false, text: part.content });

        await tab.send('What did I say before?');
        await until('the conversation goes on', async () => (await tab.seenWhenThere(4))?.[3].complete);
    });

    visit('replaces the last reply by another one when asked to', async (open) => {
        const tab = await open(quick);
        const first = await tab.say('I like green tea.', 1);
        await tab.part('regenerate').click();
        const second = await until('another reply is seen', async () => {
            const reply = (await tab.seen())[1];
            return reply?.complete && reply.text !== first && reply.text;
        });
        assert.deepEqual(
            (await tab.kept()).map((message) => message.content),
            ['I like green tea.', second],
        );
    });

    visit('keeps both exchanges of two tabs that talk at once', async (open) => {
        const left = await open(slow);
        await left.say('Good morning.', 1);
        const right = await open(slow);
        await Promise.all([left.send('I write on the left.'), right.send('I write on the right.')]);
        await Promise.all([left.partialReply(), right.partialReply()]);
        await until('both replies are kept', async () => {
            const kept = await left.kept();
            return kept.length === 6 && kept.every((message) => message.complete);
        });

        await Promise.all([left.reload(), right.reload()]);
        for (const tab of [left, right]) {
            const seen = await until('the history is back', () => tab.seenWhenThere(6));
            for (const text of ['I write on the left.', 'I write on the right.']) {
                const by = (role) => seen.filter((message) => message.role === role);
                assert.ok(by('user').some((message) => message.text === text));
                assert.ok(by('assistant').some((message) => message.text.includes(text)));
            }
            assert.ok(seen.every((message) => message.complete));
        }
    });

    visit('shows nothing of it in another browser', async (open) => {
        const tab = await open(quick);
        await tab.say('My name is Hanako.', 1);

        const stranger = await browser.newContext(DESKTOP);
        try {
            const other = await Tab.open(stranger, quick);
            assert.deepEqual(await other.kept(), []);
            assert.ok(!(await other.say('What is my name?', 1)).includes('Hanako'));
        } finally {
            await stranger.close();
        }
        assert.equal((await tab.kept()).length, 2);
    });

    visit('keeps the token from scripts, and only until the browser is closed', async (open, context) => {
        const tab = await open(quick);
        await tab.say('I like green tea.', 1);

        const [cookie, ...others] = await context.cookies();
        assert.deepEqual(others, []);
        const { httpOnly, sameSite, path, expires } = cookie;
        assert.deepEqual(
            { httpOnly, sameSite, path, expires },
            { httpOnly: true, sameSite: 'Lax', path: '/', expires: -1 },
        );

        const reach = await tab.page.evaluate(() => ({
            cookie: document.cookie,
            stored: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
            page: document.documentElement.outerHTML,
        }));
        assert.equal(reach.cookie, '');
        assert.equal(reach.stored, '[{},{}]');
        assert.ok(!reach.page.includes(cookie.value));
    });

    visit('shows the session as the Servlet API sees it', async (open) => {
        const tab = await open(quick);
        await tab.say('I like green tea.', 1);
        const panel = await until('the panel shows the session', async () => {
            const text = await tab.part('session-panel').innerText();
            return /\b(11:59|12:00):\d\d\b/.test(text) && text;
        });
        for (const fact of ['Is new', 'Created', 'Last accessed', 'Idle time left', 'Fingerprint']) {
            assert.ok(panel.includes(fact), `${fact} is in ${panel}`);
        }
    });

    visit('has the part of a reply during which the tab was closed', async (open) => {
        const tab = await open(slow);
        await tab.send('I like green tea.');
        const seen = await tab.partialReply();
        await tab.page.close();

        const again = await open(slow);
        const part = await again.keptPart();
        assert.ok(part.content.startsWith(seen.trimEnd()), `${part.content} begins with ${seen}`);
        await again.reload();
        const [, reply] = await until('the history is back', () => again.seenWhenThere(2));
        assert.deepEqual(reply, { role: 'assistant', complete: false, text: part.content });
    });

    visit('forgets everything when a new conversation is asked for', async (open) => {
        const tab = await open(quick);
        await tab.say('My name is Hanako.', 1);
        await tab.part('new').click();
        await until('nothing is seen', async () => (await tab.seen()).length === 0);
        assert.deepEqual(await tab.kept(), []);
        await tab.reload();
        assert.ok(!(await tab.say('What is my name?', 1)).includes('Hanako'));
    });

    visit('says that the server is away, later that the session ended, and keeps the message', async (open) => {
        const first = await Server.start({ tokenDelay: AT_ONCE });
        const tab = await open(first);
        try {
            await tab.say('I like green tea.', 1);
        } finally {
            await first.stop();
        }
        // The page looks at the server now and then, and may say that it is away before this.
        const refused = tab.page.waitForEvent('requestfailed', (request) => request.method() === 'POST');
        await tab.send('Are you there?');
        await refused;
        await tab.told(/does not answer/);
        await until('the message is back in the box', async () =>
            (await tab.part('composer').inputValue()) === 'Are you there?');

        // The same address with another key, so that every session of the first is dead.
        const second = await Server.start({ tokenDelay: AT_ONCE, listen: first.address });
        try {
            await tab.part('send').click();
            await tab.told(/session has ended/);
            assert.equal(await tab.part('composer').inputValue(), 'Are you there?');
            await tab.part('send').click();
            assert.ok((await tab.replies(1)).includes('Are you there?'));
            assert.equal((await tab.seen()).length, 2);
        } finally {
            await second.stop();
        }
    }, { faultsExpected: true });

    visit('can be used with the keyboard alone', async (open) => {
        const tab = await open(slow);
        const { keyboard } = tab.page;
        await keyboard.type('One line,');
        await keyboard.press('Shift+Enter');
        await keyboard.type('and another.');
        await keyboard.press('Enter');
        await tab.partialReply();
        await keyboard.press('Escape');
        const part = await tab.keptPart();

        await tab.focusByTab('regenerate');
        await keyboard.press('Enter');
        const reply = await tab.replies(1);
        assert.notEqual(reply, part.content);
        assert.equal((await tab.kept())[0].content, 'One line,\nand another.');

        await tab.focusByTab('new');
        await keyboard.press('Enter');
        await until('nothing is seen', async () => (await tab.seen()).length === 0);
    });

    visit('does not send what an input method is still composing', async (open) => {
        const tab = await open(quick);
        await tab.part('composer').fill('おちゃ');
        await tab.part('composer').dispatchEvent('keydown', { key: 'Enter', isComposing: true });
        assert.equal(await tab.part('composer').inputValue(), 'おちゃ');
        await tab.page.keyboard.press('Enter');
        await tab.replies(1);
        assert.equal((await tab.kept()).length, 2);
    });

    visit('has a name for every control and announces every reply', async (open) => {
        const tab = await open(quick);
        const reply = await tab.say('I like green tea.', 1);
        await tab.page.getByRole('textbox', { name: 'Message' }).waitFor();
        for (const name of ['Send', 'Regenerate', 'New conversation']) {
            await tab.page.getByRole('button', { name, exact: true }).waitFor();
        }
        const announced = await tab.page.locator('[aria-live=polite]').allTextContents();
        assert.ok(announced.some((text) => text.includes(reply)));
    });

    for (const [name, profile] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        visit(`fits the screen of a ${name}`, async (open) => {
            const tab = await open(quick);
            await tab.say('My name is Hanako and I like green tea.', 1);
            await tab.say('お茶が好きです。', 2);
            await tab.say(`A word without a break: ${'x'.repeat(300)}`, 3);
            await tab.say('What did I say first?', 4);

            const { width, height } = profile.viewport;
            const wide = await tab.page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= width, `the page is ${wide} wide on a screen of ${width}`);
            for (const control of ['composer', 'send', 'new', 'regenerate']) {
                const box = await tab.part(control).boundingBox();
                assert.ok(box.x >= 0 && box.x + box.width <= width, `${control} is too far aside`);
                assert.ok(box.y >= 0 && box.y + box.height <= height, `${control} is too far down`);
            }
            await mkdir(setting('SCREENSHOTS'), { recursive: true });
            await tab.page.screenshot({ path: join(setting('SCREENSHOTS'), `${name}.png`) });
        }, { profile });
    }
});
