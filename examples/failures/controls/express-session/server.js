// express-session with its own store and cookie, and otherwise as its manual advises for logins.
// Usage: node server.js PORT
import express from 'express';
import session from 'express-session';

const app = express();
app.use(session({
    secret: process.env.SECRET ?? 'kK3vN8sQ1xW7bZ5mT9pR2cY6dF4gH0jL',
    resave: false,
    saveUninitialized: false,
}));
app.use(express.text({ type: '*/*' }));

const later = (request) =>
    new Promise((done) => setTimeout(done, Number(request.query.delay_ms ?? 0)));

app.put('/attributes/:name', async (request, response) => {
    await later(request);
    request.session[`attribute ${request.params.name}`] = JSON.parse(request.body);
    response.status(204).end();
});

app.get('/attributes/:name', (request, response) => {
    response.json(request.session[`attribute ${request.params.name}`] ?? null);
});

// The manual: to guard against fixation, regenerate before the user is stored.
app.post('/login', (request, response, next) => {
    const { principal } = JSON.parse(request.body);
    request.session.regenerate((error) => {
        if (error) return next(error);
        request.session.principal = principal;
        request.session.save((error) => (error ? next(error) : response.status(204).end()));
    });
});

app.post('/logout', (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.status(204).end()));
});

app.get('/session', (request, response) => {
    response.json({ principal: request.session.principal ?? null });
});

app.get('/redirect', (request, response) => {
    request.session[`attribute ${request.query.name}`] = request.query.value;
    response.redirect(303, `/attributes/${request.query.name}`);
});

app.get('/cookies', (request, response) => {
    request.session['attribute cookies'] = true;
    response.cookie('a', '1').cookie('b', '2').send('two cookies');
});

app.listen(Number(process.argv[2] ?? 0), '127.0.0.1', function () {
    console.log(`listening on http://127.0.0.1:${this.address().port}`);
});
