// Accounts as a visitor sees them. Every test has browser profiles and a name of its own.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { AccountDialog, PASSWORD } from './dialog.js';
import { FRAMEWORK, Server, setting, startBrowser, until } from './harness.js';
import { DESKTOP, PHONE, visits } from './visit.js';

/** Milliseconds between tokens, so that a reply takes some seconds and a session can end in it. */
const LEISURELY = 200;
const AT_ONCE = 0;

describe(`the accounts of a chat on ${FRAMEWORK} in a browser`, () => {
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

    const tokenOf = async (context) => (await context.cookies())[0]?.value;
    const fingerprintOf = (tab) => tab.page.locator('#fingerprint').innerText();
    const isEmpty = (tab) => until('nothing is seen', async () => (await tab.seen()).length === 0);

    /** A tab in another profile, where `name` is logged in. */
    async function elsewhere(another, server, name) {
        const { context, open } = await another();
        const tab = await open(server);
        const dialog = new AccountDialog(tab);
        await dialog.logIn(name);
        return { context, tab, dialog };
    }

    visit('go on with the conversation of a visitor who registers, under another id', async (open, context) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        await tab.say('My name is Hanako.', 1);
        const seen = await tab.seen();
        const [token, fingerprint] = [await tokenOf(context), await fingerprintOf(tab)];

        await dialog.register('hanako');
        await tab.told(/logged in as hanako/);
        assert.equal(await dialog.isOpen(), false);
        assert.equal(await tab.focused(), 'composer');
        assert.notEqual(await tokenOf(context), token);
        assert.notEqual(await fingerprintOf(tab), fingerprint);
        assert.deepEqual(await tab.seen(), seen);
        assert.equal((await tab.kept()).length, 2);
        assert.ok((await tab.say('What is my name?', 2)).includes('Hanako'));

        await tab.reload();
        await dialog.shows('hanako');
        await until('the history is back', () => tab.seenWhenThere(4));
    });

    visit('find their conversation in another browser, and go on with it in either', async (open, _, another) => {
        const here = await open(quick);
        await new AccountDialog(here).register('kenji');
        await here.say('My name is Kenji.', 1);
        const there = await elsewhere(another, quick, 'kenji');
        await until('the conversation is there', () => there.tab.seenWhenThere(2));
        assert.deepEqual(await there.tab.seen(), await here.seen());

        assert.ok((await there.tab.say('What is my name?', 2)).includes('Kenji'));
        await here.reload();
        await until('what was said elsewhere is here', () => here.seenWhenThere(4));
        assert.deepEqual(await here.seen(), await there.tab.seen());
    });

    visit('list the devices of a visitor, each to be logged out from the others', async (open, _, another) => {
        const here = await open(quick);
        const dialog = new AccountDialog(here);
        await dialog.register('noriko');
        const there = await elsewhere(another, quick, 'noriko');
        await there.tab.say('I am elsewhere.', 1);

        const devices = await dialog.devices(2);
        for (const text of await devices.allInnerTexts()) {
            for (const fact of ['Chrome on Linux', 'Created', 'Last used']) {
                assert.ok(text.includes(fact), `${fact} is in ${text}`);
            }
        }
        assert.match(await devices.nth(0).innerText(), /This device/);
        assert.doesNotMatch(await devices.nth(1).innerText(), /This device/);

        await devices.nth(1).getByRole('button', { name: 'End the session of Chrome on Linux' }).click();
        await dialog.devices(1);
        await until('the dialog says so', async () =>
            /session has ended/.test(await here.part('account-note').innerText()));
        assert.equal(await here.focused(), 'account-title');

        // The other page learns of it with its next request, and says so before anything is sent.
        await there.tab.send('Am I still here?');
        await there.tab.told(/no longer logged in/);
        await there.dialog.shows('Log in');
        await isEmpty(there.tab);
        assert.equal(await there.tab.part('composer').inputValue(), 'Am I still here?');
        assert.deepEqual(await there.tab.kept(), []);
    });

    visit('log a visitor out everywhere else at once', async (open, _, another) => {
        const here = await open(quick);
        const dialog = new AccountDialog(here);
        await dialog.register('midori');
        const others = [
            await elsewhere(another, quick, 'midori'),
            await elsewhere(another, quick, 'midori'),
        ];
        await dialog.devices(3);
        await here.part('end-others').click();
        await dialog.devices(1);
        await until('the dialog says so', async () =>
            /2 other sessions have ended/.test(await here.part('account-note').innerText()));
        assert.ok(await here.part('end-others').isDisabled());
        for (const other of others) {
            await other.tab.reload();
            await other.dialog.shows('Log in');
        }
        await here.reload();
        await dialog.shows('midori');
    });

    visit('say so when the session ends elsewhere while a reply streams', async (open, _, another) => {
        const here = await open(slow);
        await new AccountDialog(here).register('sakura');
        const there = await elsewhere(another, slow, 'sakura');
        await there.tab.send('I like green tea.');
        await there.tab.partialReply();

        await new AccountDialog(here).devices(2);
        await here.part('end-others').click();
        await there.tab.told(/no longer logged in/);
        await there.dialog.shows('Log in');
        await isEmpty(there.tab);
    }, { faultsExpected: true });

    visit('leave nothing of the conversation when a visitor logs out, also in the middle of a reply', async (open, context) => {
        const tab = await open(slow);
        const other = await open(slow);
        const dialog = new AccountDialog(tab);
        await dialog.register('aoi');
        const token = await tokenOf(context);
        await tab.send('I like green tea.');
        await tab.partialReply();
        await dialog.logOut();

        await tab.told(/^You are logged out\.$/);
        await isEmpty(tab);
        assert.notEqual(await tokenOf(context), token);
        assert.deepEqual(await tab.kept(), []);
        await other.reload();
        await new AccountDialog(other).shows('Log in');
        await isEmpty(other);
    });

    visit('end the session of this device as by logging out', async (open, context) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        await dialog.register('ren');
        const devices = await dialog.devices(1);
        await devices.nth(0).getByRole('button').click();
        await dialog.shows('Log in');
        await tab.told(/^You are logged out\.$/);
        assert.deepEqual(await context.cookies(), []);
    });

    visit('are known in every tab of a browser, and no tab takes a login for an end', async (open) => {
        const [left, right] = [await open(quick), await open(quick)];
        await left.say('My name is Hanako.', 1);
        await right.reload();
        await new AccountDialog(left).register('tab-visitor');

        await right.say('What is my name?', 2);
        await new AccountDialog(right).shows('tab-visitor');
        assert.equal(await right.part('status').innerText(), '');
    });

    visit('refuse a wrong password in words, and let the visitor try again', async (open) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        await dialog.register('kaede');
        await dialog.logOut();

        await dialog.open();
        await dialog.fill('login', 'kaede', 'a horse that is wrong');
        await dialog.problem(/name or the password is wrong/);
        await dialog.fill('login', 'nobody at all', PASSWORD);
        await dialog.problem(/name or the password is wrong/);
        await dialog.fill('login', 'Kaede', PASSWORD);
        await dialog.shows('kaede');
        assert.equal(await dialog.isOpen(), false);
    }, { faultsExpected: true });

    visit('do not give a name twice', async (open) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        await dialog.register('only one');
        await dialog.logOut();
        await dialog.open();
        await tab.page.getByRole('button', { name: 'Create an account' }).click();
        await dialog.fill('register', 'Only One', PASSWORD);
        await dialog.problem(/taken/);
        assert.equal(await dialog.who(), 'Log in');
    }, { faultsExpected: true });

    visit('are remembered beyond the end of the browser only when asked to', async (open, context) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        await dialog.register('yuki');
        assert.equal((await context.cookies())[0].expires, -1);
        await dialog.logOut();
        await dialog.logIn('yuki', { remember: true });
        const days = ((await context.cookies())[0].expires - Date.now() / 1000) / (24 * 60 * 60);
        assert.ok(days > 13.9 && days < 14.1, `${days} days`);
    });

    visit('tell a password manager what is what, and keep the password to themselves', async (open) => {
        const tab = await open(quick);
        const autocomplete = (form) =>
            tab.part(form).locator('input:not([type=checkbox])').evaluateAll((inputs) =>
                inputs.map((input) => input.autocomplete));
        assert.deepEqual(await autocomplete('login'), ['username', 'current-password']);
        assert.deepEqual(await autocomplete('register'), ['username', 'new-password']);

        await new AccountDialog(tab).register('hikari');
        const reach = await tab.page.evaluate(() => ({
            stored: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
            typed: [...document.querySelectorAll('input')].map((input) => input.value).join(),
        }));
        assert.equal(reach.stored, '[{},{}]');
        assert.ok(!reach.typed.includes(PASSWORD));
    });

    visit('can be used with the keyboard alone', async (open) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        const { keyboard } = tab.page;
        const focusedText = () => tab.page.evaluate(() => document.activeElement.textContent.trim());
        const tabTo = async (text) => {
            for (let presses = 0; presses < 20; presses++) {
                await keyboard.press('Tab');
                if ((await focusedText()).startsWith(text)) return;
            }
            throw new Error(`the Tab key does not reach ${text}`);
        };

        await tab.focusByTab('account-open');
        await keyboard.press('Enter');
        await tabTo('Create an account');
        await keyboard.press('Enter');
        await keyboard.type('akira');
        await keyboard.press('Tab');
        await keyboard.type(PASSWORD);
        await keyboard.press('Enter');
        await dialog.shows('akira');
        await tab.say('Hello.', 1);

        await tab.focusByTab('account-open');
        await keyboard.press('Enter');
        await dialog.devices(1);
        await keyboard.press('Escape');
        await until('the dialog is closed', async () => !(await dialog.isOpen()));
        assert.equal(await tab.focused(), 'account-open');

        await keyboard.press('Enter');
        await dialog.devices(1);
        await tabTo('Log out');
        await keyboard.press('Enter');
        await dialog.shows('Log in');
        assert.equal(await tab.focused(), 'composer');
    });

    visit('leave a reply alone that streams while the dialog is closed by Escape', async (open) => {
        const tab = await open(slow);
        const dialog = new AccountDialog(tab);
        await tab.send('I like green tea.');
        await tab.partialReply();
        await dialog.open();
        await tab.page.keyboard.press('Escape');
        await until('the dialog is closed', async () => !(await dialog.isOpen()));
        await dialog.register('haruka');
        await tab.replies(1);
        assert.ok((await tab.kept()).every((message) => message.complete));
    });

    visit('have a name for every control', async (open) => {
        const tab = await open(quick);
        const dialog = new AccountDialog(tab);
        await dialog.open();
        const { page } = tab;
        await page.getByRole('dialog', { name: 'Log in' }).waitFor();
        await page.getByRole('textbox', { name: 'Name' }).waitFor();
        await page.getByRole('checkbox', { name: /Remember me/ }).waitFor();
        for (const name of ['Close', 'Log in', 'Create an account']) {
            await page.getByRole('dialog').getByRole('button', { name, exact: true }).waitFor();
        }
        await page.keyboard.press('Escape');
        await dialog.register('mio');
        await dialog.devices(1);
        await page.getByRole('dialog', { name: 'Your account' }).waitFor();
        await page.getByRole('list', { name: 'Your devices' }).waitFor();
        for (const name of ['Log out everywhere else', 'Log out', 'End the session of Chrome on Linux, this device']) {
            await page.getByRole('button', { name, exact: true }).waitFor();
        }
    });

    for (const [size, profile] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        visit(`fit the screen of a ${size}`, async (open, _, another) => {
            const name = `somebody with a rather long name on a ${size}`;
            const tab = await open(quick);
            const dialog = new AccountDialog(tab);
            await tab.say('My name is Hanako and I like green tea.', 1);

            await dialog.open();
            await picture(tab, profile, `${size}-login`);
            await dialog.fill('login', name, PASSWORD);
            await dialog.problem(/wrong/);
            await picture(tab, profile, `${size}-login-refused`);
            await tab.page.getByRole('button', { name: 'Create an account' }).click();
            await picture(tab, profile, `${size}-register`);
            await dialog.fill('register', name, PASSWORD);
            await dialog.shows(name);
            await picture(tab, profile, `${size}-logged-in`);

            for (let device = 1; device <= 3; device++) await elsewhere(another, quick, name);
            await dialog.devices(4);
            await picture(tab, profile, `${size}-devices`);
        }, { profile, faultsExpected: true });
    }

    /** Takes a picture of a page that fits its screen, with every control in reach. */
    async function picture(tab, { viewport }, name) {
        const wide = await tab.page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= viewport.width, `the page is ${wide} wide on a screen of ${viewport.width}`);
        for (const control of await tab.page.locator('header button:visible, dialog :is(button, input):visible').all()) {
            const box = await control.boundingBox();
            assert.ok(box.x >= 0 && box.x + box.width <= viewport.width, `a control is too far aside in ${name}`);
        }
        await mkdir(setting('SCREENSHOTS'), { recursive: true });
        await tab.page.screenshot({ path: join(setting('SCREENSHOTS'), `account-${name}.png`) });
    }
});
