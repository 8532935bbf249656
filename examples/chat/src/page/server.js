// Talking to the server.

/** An answer that is no success, with the text that the server gave. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Sends a request. Throws Refused, or what fetch throws when the server is not there. */
export async function call(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  if (response.ok) return response;
  const text = await response.text().catch(() => "");
  let message = text || `The server answered ${response.status}.`;
  try {
    message = JSON.parse(text).error ?? message;
  } catch {
    // Not every refusal is JSON; its text is shown as it is.
  }
  throw new Refused(response.status, message);
}

/** The messages of the conversation. */
export const fetchHistory = async () => (await (await call("/api/chat")).json()).messages;

/** The session, by a look that is no access; null when there is none. */
export const fetchSession = async () => (await (await call("/api/session")).json()).session;
