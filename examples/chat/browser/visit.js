// Tests, each with browser profiles of its own.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Tab } from './tab.js';

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
};

/**
 * Makes tests for a browser that is there when they run. Each gets `open`, which opens a tab of
 * its profile, the profile itself, and `another`, which makes one more profile. The pages must
 * not have failed behind the visitor's back.
 */
export function visits(browser) {
    return (sentence, body, { profile = DESKTOP, faultsExpected = false } = {}) => {
        it(sentence, { timeout: 90_000 }, async () => {
            const contexts = [];
            const tabs = [];
            const another = async () => {
                const context = await browser().newContext(profile);
                contexts.push(context);
                const open = async (server) => {
                    tabs.push(await Tab.open(context, server));
                    return tabs.at(-1);
                };
                return { context, open };
            };
            try {
                const { context, open } = await another();
                await body(open, context, another);
                const faults = faultsExpected ? [] : tabs.flatMap((tab) => tab.faults);
                assert.deepEqual(faults, []);
            } finally {
                for (const context of contexts) await context.close();
            }
        });
    };
}
