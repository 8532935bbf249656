// What the page tells the visitor beside the conversation.

export const TEXT = {
  away: "The server does not answer. What you wrote is still here; try again in a moment.",
  back: "The server answers again.",
  brokeOff: "The reply broke off. What was said is kept.",
  ended: "Your session has ended, and the conversation is no longer remembered. Send a message to begin a new one.",
  endedElsewhere: "You are no longer logged in: this session has ended, perhaps from another device. Its conversation is gone from this page.",
  forgotten: "A new conversation.",
  full: "The conversation has reached its size limit. Start a new one to go on.",
  loggedIn: (name) => `You are logged in as ${name}.`,
  loggedOut: "You are logged out.",
  replying: "Replying…",
  stopped: "Stopped. What was said is kept.",
};
