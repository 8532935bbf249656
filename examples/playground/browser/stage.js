// Where the tests play: a browser, and a playground on each framework.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Server, setting, startBrowser } from './harness.js';

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
};

/** What a browser complains of when a server is gone. */
export const AWAY = /net::ERR_/;

/** The looks of a page that are pictured. */
const LOOKS = [
    ['desktop', DESKTOP],
    ['desktop-dark', { ...DESKTOP, colorScheme: 'dark' }],
    ['phone', PHONE],
    ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
];

let browser;
before(async () => {
    browser = await startBrowser();
});
after(() => browser?.close());

/** Runs `tests` on each framework. They are given `visit`, which makes a test of a fresh profile. */
export function onEach(what, open, tests) {
    for (const framework of ['axum', 'actix', 'warp']) {
        describe(`${what} on ${framework}`, () => {
            let server;
            before(async () => {
                server = await Server.start(framework);
            });
            after(() => server?.stop());

            /** Nothing may go wrong, or leak, behind the visitor's back. */
            function visit(sentence, body, { profile = DESKTOP, options } = {}) {
                it(sentence, { timeout: 90_000 }, async () => {
                    const own = options ? await Server.start(framework, ...options) : null;
                    const context = await browser.newContext(profile);
                    try {
                        const tab = await open(context, own ?? server);
                        await body(tab, own ?? server);
                        assert.deepEqual(tab.faults, []);
                        assert.ok(tab.answers.length > 0, 'the server has answered');
                        assert.deepEqual(await tab.tokensSeen(), []);
                        assert.deepEqual(await context.cookies(), [], 'the page itself has no cookie');
                    } finally {
                        await context.close();
                        await own?.stop();
                    }
                });
            }

            tests(visit, framework);
        });
    }
}

/** Takes pictures of a page in every look. `play` is given the tab and a function that takes one. */
export function pictured(what, open, play) {
    describe(`the look of ${what}`, () => {
        let server;
        before(async () => {
            server = await Server.start('axum');
        });
        after(() => server?.stop());

        for (const [look, profile] of LOOKS) {
            it(`is pictured: ${look}`, { timeout: 90_000 }, async () => {
                const folder = setting('SCREENSHOTS');
                await mkdir(folder, { recursive: true });
                const context = await browser.newContext(profile);
                try {
                    const tab = await open(context, server);
                    const picture = async (moment, part) => {
                        if (part) await part.evaluate((element) => element.scrollIntoView({ block: 'center' }));
                        else await tab.page.evaluate(() => scrollTo(0, 0));
                        await tab.page.screenshot({ path: join(folder, `${what}-${look}-${moment}.png`) });
                    };
                    await play(tab, picture, { server, isPhone: Boolean(profile.isMobile) });
                    assert.deepEqual(tab.faults, []);
                } finally {
                    await context.close();
                }
            });
        }
    });
}
