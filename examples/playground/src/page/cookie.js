// Takes a Set-Cookie line apart and says of each part why it is there, in the terms of RFC 6265bis.

/** A token as the relay shows it: its number in place of its value. */
const TOKEN = /^<token #\d+>$/;

const MEANINGS = {
  domain: () => "The cookie is sent to this domain and all hosts below it.",
  expires: () => "When the cookie ends, for user agents without Max-Age; where both are given, Max-Age wins.",
  httponly: () =>
    "http-only-flag: kept from APIs that are not HTTP, such as document.cookie, so that an injected script cannot read the token.",
  "max-age": (value) =>
    Number(value) > 0
      ? `persistent-flag: kept for ${value} seconds, also when the browser is closed meanwhile.`
      : "Zero or less: the user agent deletes the cookie now.",
  partitioned: () =>
    "A jar per top-level site (CHIPS, beside RFC 6265bis): embedded in two sites, the cookie is two cookies.",
  path: (value) =>
    value === "/"
      ? "path-match: sent with requests for every path of the host; the __Host- prefix asks for it."
      : `path-match: sent with requests for ${value} and what lies below it.`,
  samesite: (value) => SAME_SITE[value.toLowerCase()] ?? "An unknown value: the user agent applies its default.",
  secure: () => "secure-only-flag: set and sent over secure connections only, so that nobody on the way reads it.",
};

const SAME_SITE = {
  lax: "same-site-flag: of the requests that another site causes, only top-level navigations with a safe method carry it; a forged POST does not.",
  none: "same-site-flag: sent with cross-site requests too; the user agent then demands Secure.",
  strict: "same-site-flag: no request that another site causes carries it, not even a followed link.",
};

/** Whether a jar of the relay holds a session's token, in a cookie or for a header. */
export function holdsToken({ cookies, header }) {
  return header !== null || cookies.some((line) => TOKEN.test(parse(line).value));
}

/** The name, the value and the attributes of a Set-Cookie line. */
export function parse(line) {
  const [pair, ...rest] = line.split(";");
  const [name, value] = halves(pair);
  const attributes = rest.map(halves).map(([key, given]) => ({ name: key, value: given }));
  const has = (key) => attributes.some((attribute) => attribute.name.toLowerCase() === key);
  return { name, value, attributes, has };
}

function halves(text) {
  const at = text.indexOf("=");
  return (at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]).map((half) => half.trim());
}

/** Whether a line makes the user agent forget the cookie. */
export function deletes({ attributes }) {
  const given = (key) => attributes.find(({ name }) => name.toLowerCase() === key)?.value;
  const maxAge = given("max-age");
  return maxAge === undefined ? Date.parse(given("expires")) < Date.now() : Number(maxAge) <= 0;
}

/**
 * The parts of a line in their order as `{ part, meaning, absent }`, followed by what its silence
 * says: an attribute that is not there means something too.
 */
export function takeApart(line) {
  const cookie = parse(line);
  const parts = [
    { part: cookie.name, meaning: meaningOfName(cookie.name) },
    { part: cookie.value === "" ? "(empty)" : cookie.value, meaning: meaningOfValue(cookie) },
    ...cookie.attributes.map(({ name, value }) => ({
      part: value === "" ? name : `${name}=${value}`,
      meaning: MEANINGS[name.toLowerCase()]?.(value) ?? "An attribute that user agents ignore unless they know it.",
    })),
  ];
  const absent = (part, meaning) => parts.push({ part, meaning, absent: true });
  if (!cookie.has("domain")) absent("no Domain", "host-only-flag: sent to this very host, and to none below it.");
  if (!cookie.has("max-age") && !cookie.has("expires")) {
    absent("no Max-Age, no Expires", "Not persistent: forgotten when the browser is closed. The server ends the session by its own clock in any case.");
  }
  if (!cookie.has("secure")) absent("no Secure", "Plain HTTP carries it too: for development, or for what is no secret.");
  return parts;
}

function meaningOfName(name) {
  const lower = name.toLowerCase();
  if (lower.startsWith("__host-")) {
    return "cookie-name with the __Host- prefix: accepted only with Secure, with Path=/ and without Domain, so that neither a sibling host nor plain HTTP can plant one.";
  }
  if (lower.startsWith("__secure-")) return "cookie-name with the __Secure- prefix: accepted only with Secure.";
  return "cookie-name without a prefix: the name alone promises nothing about who set it.";
}

function meaningOfValue(cookie) {
  const { value } = cookie;
  if (TOKEN.test(value)) {
    return "cookie-value: the session's token, a secret; whoever sends it is the visitor. The relay shows a number in its place.";
  }
  if (value === "") return "cookie-value: none. The line keeps name, path and flags of the cookie that it deletes.";
  return "cookie-value: the application's own; the session takes no part in it.";
}
