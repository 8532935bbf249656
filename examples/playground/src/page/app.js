// The page of the playground: operations on the left, two browsers that send them on the right.

import { showControls } from "./controls.js";
import { element } from "./dom.js";
import { Pane } from "./pane.js";
import { race } from "./race.js";
import { Refused, Relay } from "./relay.js";
import { followAddress } from "./views.js";

const $ = (id) => document.getElementById(id);

/** The relay no longer knows this page. */
const GONE = 410;

const TEXT = {
  away: "The server does not answer. Try again in a moment.",
  gone: "The server has forgotten the browsers of this page, since it was restarted or the page lay idle. Reload the page to begin anew.",
};

const tell = (sentence) => {
  $("status").textContent = sentence;
};

/** Does something that talks to the server and answers what it does, or says that it failed. */
async function attempt(action) {
  try {
    const outcome = await action();
    $("trouble").hidden = true;
    return outcome;
  } catch (error) {
    $("trouble").textContent = troubleOf(error);
    $("trouble").hidden = false;
  }
}

function troubleOf(error) {
  if (!(error instanceof Refused)) return TEXT.away;
  return error.status === GONE ? TEXT.gone : error.message;
}

function showFacts({ framework, store, transport }) {
  const token = transport.kind === "header" ? `header ${transport.name}` : `cookie ${transport.name}`;
  $("facts").append(...[framework, `${store} store`, token].map((fact) => element("li", { textContent: fact })));
}

async function start() {
  const relay = await Relay.open();
  showFacts(relay.facts);

  const panes = {};
  const other = { A: "B", B: "A" };
  for (const name of ["A", "B"]) {
    // The two may share a session, so that what one does is seen in the other.
    const changed = () => panes[other[name]].look();
    panes[name] = new Pane(name, relay, $(`browser-${name}`), { changed, tell, attempt });
  }

  const acts = [
    {
      id: "socket",
      title: "Open a WebSocket",
      note: "GET /ws: set NAME JSON, get NAME, increment NAME, typed into the log. Each line is an access of its own, stored before its answer. 409 without a session.",
      act: (browser) => attempt(() => panes[browser].open()),
    },
    {
      id: "steal",
      title: "Steal the other's cookies",
      note: "Copies the other browser's jar into this one. Whoever sends the token is the visitor, until the id changes.",
      act: (browser) => {
        const from = other[browser];
        return attempt(async () => {
          await relay.steal(from, browser);
          await panes[browser].look();
          tell(`Browser ${browser} now sends the cookies of browser ${from}`);
        });
      },
    },
    {
      id: "forget",
      title: "Clear the cookies",
      note: "Empties the jar. The server does not learn of it: the session lives until its idle limit.",
      act: (browser) =>
        attempt(async () => {
          await relay.forget(browser);
          await panes[browser].look();
          tell(`Browser ${browser} has no cookies`);
        }),
    },
    {
      id: "race",
      title: "Race",
      note: "Parallel increments of one attribute, by get and set and by update: which of them count?",
      act: (browser) => attempt(() => race(panes[browser])),
    },
  ];
  showControls($("groups"), (browser, request) => attempt(() => panes[browser].send(request)), acts);

  await Promise.all(Object.values(panes).map((pane) => pane.look()));
  setInterval(() => {
    for (const pane of Object.values(panes)) if (pane.card.tick()) attempt(() => pane.look());
  }, 250);
  document.body.dataset.ready = "true";
}

followAddress();
attempt(start);
