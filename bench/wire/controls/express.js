// express, with express-session and its memory store or without sessions.
const express = require("express");
const session = require("express-session");

const [mode, address] = process.argv.slice(2);
const app = express();
if (mode === "sessions") {
  // What its documentation asks for; the cookie is always signed.
  app.use(session({ secret: "a secret of thirty-two characters", resave: false, saveUninitialized: false }));
  app.get("/read", (request, response) => response.send(String(request.session.counter ?? 0)));
  app.post("/count", (request, response) => {
    request.session.counter = (request.session.counter ?? 0) + 1;
    response.send(String(request.session.counter));
  });
} else {
  app.get("/read", (request, response) => response.send("1"));
  app.post("/count", (request, response) => response.send("1"));
}
const [host, port] = address.split(":");
app.listen(Number(port), host);
