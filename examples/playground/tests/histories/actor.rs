//! A client that does by chance what can be done to sessions, and notes what it is told.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::calls::{Meaning, Message, meaning};
use crate::chance::Chance;
use crate::client::{Client, Lost, Request, Response};
use crate::history::{Attribute, Call, Nanos, Operation, Outcome, Token, Value};
use crate::subject::{Subject, is_same};
use crate::workload::Stage;

/// How many changes of a session may be without an answer before it is only looked at: each
/// makes the search harder.
const LOST_MAX: usize = 8;

/// How long the last look at a session may take to succeed, once everything works again.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often something is tried again that is away.
const RETRY: Duration = Duration::from_millis(20);

/// How long a client waits while another one begins a session.
const TURN: Duration = Duration::from_millis(2);

/// One client.
pub(crate) struct Actor<'s, 'p> {
    stage: &'s Stage<'p>,
    number: usize,
    client: Client,
    chance: Chance,
    /// How many values and names it has made.
    made: usize,
    /// What the last request got instead of an answer. The client only looks then, until it is
    /// answered, so that an outage costs each client one change of unknown outcome.
    shaken_by: Option<Result<Response, Lost>>,
    pub(crate) answered: Vec<Duration>,
    pub(crate) unanswered: Vec<Duration>,
}

/// Whether a client waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Short,
    Long,
}

/// What came of a request.
struct Sent {
    answer: Result<Response, Lost>,
    /// Before its first byte was sent, and after the last one of its answer was read.
    times: (Nanos, Nanos),
}

impl<'s, 'p> Actor<'s, 'p> {
    pub(crate) fn new(stage: &'s Stage<'p>, number: usize, chance: Chance) -> Self {
        Self {
            stage,
            number,
            client: Client::of(stage.servers),
            chance,
            made: 0,
            shaken_by: None,
            answered: Vec::new(),
            unanswered: Vec::new(),
        }
    }

    pub(crate) fn play(mut self) -> Self {
        while !self.stage.is_over() {
            let slot = self.chance.below(self.stage.slots.len());
            match self.subject(slot) {
                Some(subject) => self.do_something(&subject),
                None => sleep(TURN),
            }
            if self.shaken_by.is_some() {
                sleep(RETRY);
            } else {
                let pause = self.up_to(self.stage.plan.pause);
                sleep(pause);
            }
        }
        self
    }

    /// A session that may be sent another request; a new one where there is none. `None` while
    /// another client begins it, or when it cannot begin.
    fn subject(&mut self, slot: usize) -> Option<Arc<Subject>> {
        let stage = self.stage;
        let slot = &stage.slots[slot];
        let present = || slot.subject().clone().filter(|it| it.take());
        if let Some(subject) = present() {
            return Some(subject);
        }
        let _turn = slot.turn.try_lock().ok()?;
        if let Some(subject) = present() {
            return Some(subject);
        }
        let name = format!("{}-{}", stage.seed, self.unique());
        let server = self.chance.below(stage.servers.len());
        let requests = stage.plan.per_session;
        let subject = Subject::begin(&mut self.client, server, &name, requests)?;
        let subject = Arc::new(subject);
        stage.subjects().push(subject.clone());
        *slot.subject() = Some(subject.clone());
        subject.take().then_some(subject)
    }

    fn do_something(&mut self, subject: &Subject) {
        let only_looks = self.shaken_by.is_some() || subject.lost() >= LOST_MAX;
        let call = match only_looks {
            true => Call::Look,
            false => self.call(subject),
        };
        let older = if call.is_read() { 5 } else { 10 };
        let (token, id) = subject.pick(&mut self.chance, older);
        let server = self.chance.below(self.stage.servers.len());
        let patience = match !call.is_read() && self.chance.happens(self.stage.plan.hang_ups) {
            true => Patience::Short,
            false => Patience::Long,
        };
        self.ask(subject, server, (token, &id), call, patience);
    }

    /// Sends one request and notes what came of it.
    fn ask(
        &mut self,
        subject: &Subject,
        server: usize,
        (token, id): (Token, &str),
        call: Call,
        patience: Patience,
    ) {
        let plan = &self.stage.plan;
        let delay = match self.chance.happens(30) {
            true => self.up_to(plan.delay),
            false => Duration::ZERO,
        };
        let message = Message::of(&call, delay, plan.counting);
        let patience = match patience {
            Patience::Short => Some(self.up_to(delay + Duration::from_millis(1))),
            Patience::Long => None,
        };
        let sent = self.send(server, message.request(Some(id)), patience);
        if matches!(sent.answer, Err(Lost::NotSent)) {
            return subject.give_back();
        }
        let times = sent.times;
        let outcome = match meaning(&call, sent.answer, subject.created) {
            Meaning::Plain(outcome) => outcome,
            Meaning::NewId(id) if call == Call::ChangeId => Outcome::Rotated(subject.publish(id)),
            Meaning::NewId(id) => self.recognize(subject, server, id),
        };
        subject.note(self.operation(server, token, call, outcome, times));
    }

    /// What a login did that was answered with this id: the session has it from now on, or
    /// another session began because this one is gone.
    fn recognize(&mut self, subject: &Subject, server: usize, id: String) -> Outcome {
        let look = Message::look();
        let looked = self.send(server, look.request(Some(&id)), None);
        match is_same(subject, &looked.answer) {
            Some(true) => {}
            Some(false) => return Outcome::Began,
            // It ended at once, or nothing is to be learned. Nobody else knows the id.
            None => return Outcome::Unknown,
        }
        let token = subject.publish(id);
        let outcome = match meaning(&Call::Look, looked.answer, subject.created) {
            Meaning::Plain(outcome) => outcome,
            Meaning::NewId(_) => Outcome::Odd("an id for a look".into()),
        };
        subject.note(self.operation(server, token, Call::Look, outcome, looked.times));
        Outcome::Rotated(token)
    }

    /// Sends a request, and waits for its answer unless it hangs up after a while.
    fn send(
        &mut self,
        server: usize,
        request: Request<'_>,
        hangs_up_after: Option<Duration>,
    ) -> Sent {
        let invoked = self.stage.now();
        let answer = match hangs_up_after {
            None => self.client.ask(server, request),
            Some(after) => {
                let sent = self.client.hang_up(server, request, after);
                sent.and(Err(Lost::Unanswered))
            }
        };
        let responded = self.stage.now();
        let is_answered = answer.as_ref().is_ok_and(|it| it.status != 503);
        if hangs_up_after.is_none() || matches!(answer, Err(Lost::NotSent)) {
            self.shaken_by = (!is_answered).then(|| answer.clone());
            let took = Duration::from_nanos(responded - invoked);
            match is_answered {
                true => self.answered.push(took),
                false => self.unanswered.push(took),
            }
        }
        Sent {
            answer,
            times: (invoked, responded),
        }
    }

    const fn operation(
        &self,
        server: usize,
        token: Token,
        call: Call,
        outcome: Outcome,
        (invoked, responded): (Nanos, Nanos),
    ) -> Operation {
        Operation {
            client: self.number,
            server,
            token,
            call,
            outcome,
            invoked,
            responded,
        }
    }

    /// Something to ask of a session.
    fn call(&mut self, subject: &Subject) -> Call {
        let unique = self.unique();
        let number = i64::try_from(unique).unwrap_or(i64::MAX);
        let usual = |it, other, another| [(90, it), (5, other), (5, another)];
        let (counter, register, list) = (Attribute::Counter, Attribute::Register, Attribute::List);
        let value = match self.chance.below(4) {
            0 => Value::Text(format!("text {unique}")),
            1 => Value::List(vec![number]),
            // So far apart that no increments lead from one to the next.
            _ => Value::Number(number * 1_000),
        };
        let any = self.chance.pick(&[(1, counter), (1, register), (1, list)]);
        let count = self.chance.pick(&usual(counter, register, list));
        let keep = self.chance.pick(&usual(register, counter, list));
        let collect = self.chance.pick(&usual(list, register, counter));
        let principal = self.chance.pick(&[(4, "ada"), (1, "eve")]);
        let calls = [
            (14, Call::Get(any)),
            (14, Call::Look),
            (12, Call::Put(keep, value)),
            (5, Call::Delete(any)),
            (26, Call::Increment(count)),
            (16, Call::Append(collect, number)),
            (5, Call::ChangeId),
            (4, Call::LogIn(format!("{principal} of {}", subject.name()))),
            (1, Call::Invalidate),
        ];
        let weighted: Vec<_> = calls.iter().map(|(weight, call)| (*weight, call)).collect();
        self.chance.pick(&weighted).clone()
    }

    /// Looks at a session under its newest id, on every server, until each answers.
    pub(crate) fn look_back(&mut self, subject: &Subject) {
        let (token, id) = subject.pick(&mut self.chance, 0);
        for server in 0..self.stage.servers.len() {
            let began = Instant::now();
            loop {
                self.ask(subject, server, (token, &id), Call::Look, Patience::Long);
                let Some(answer) = &self.shaken_by else {
                    break;
                };
                assert!(
                    began.elapsed() < PATIENCE,
                    "seed {}: server {server} is still away: {answer:?}",
                    self.stage.seed
                );
                sleep(RETRY);
            }
        }
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let micros = usize::try_from(most.as_micros()).unwrap_or(usize::MAX);
        let micros = self.chance.below(micros.saturating_add(1).max(1));
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }

    /// A number that no other client and no other call has.
    fn unique(&mut self) -> usize {
        self.made += 1;
        self.number * 1_000_000 + self.made
    }
}
