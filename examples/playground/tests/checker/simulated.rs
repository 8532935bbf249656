//! Histories of a session that keeps its promises, simulated step by step: each request is
//! called, loads the session, changes it, and is answered, and the steps of all of them mix by
//! chance. It is written apart from the model that it is to agree with.

use crate::chance::Chance;
use crate::checker::check;
use crate::history::{
    Attribute, Attributes, Call, History, Nanos, Operation, Outcome, Token, Value,
};
use crate::writing::holding;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) clients: usize,
    /// About how many are done.
    pub(crate) operations: usize,
    /// How many percent of the answers are lost at each step.
    pub(crate) lost: usize,
}

const LIVELY: Scene = Scene {
    clients: 4,
    operations: 40,
    lost: 0,
};

#[test]
fn whatever_a_true_session_answers_is_explained() {
    for seed in 0..2_000 {
        let history = simulate(seed, LIVELY);
        assert!(check(&history).is_ok(), "{}", explain(seed, &history));
    }
}

#[test]
fn whatever_a_true_session_answers_is_explained_when_answers_are_lost() {
    let scene = Scene { lost: 15, ..LIVELY };
    for seed in 0..2_000 {
        let history = simulate(seed, scene);
        assert!(check(&history).is_ok(), "{}", explain(seed, &history));
    }
}

fn explain(seed: u64, history: &History) -> String {
    let unexplained = check(history).map_err(|it| it.to_string()).map(drop);
    format!("seed {seed}: {unexplained:?}").replace("\\n", "\n")
}

/// The history of a scene that chance plays with this seed.
pub(crate) fn simulate(seed: u64, scene: Scene) -> History {
    let mut simulation = Simulation {
        chance: Chance::from_seed(seed),
        now: 0,
        session: Some(Session {
            id: 0,
            principal: None,
            attributes: holding(&[]),
        }),
        forwards: Vec::new(),
        heard: vec![Token(0)],
        drawn: vec![Some(Token(0))],
        requests: Vec::new(),
        done: Vec::new(),
    };
    while simulation.done.len() < scene.operations {
        simulation.step(scene);
    }
    let unanswered = simulation.requests.iter().filter(|it| !it.is_lost);
    let now = simulation.now;
    let unanswered = unanswered.map(|it| operation(it, Outcome::Unknown, now));
    simulation.done.extend(unanswered);
    History::new(holding(&[]), simulation.done)
}

struct Simulation {
    chance: Chance,
    now: Nanos,
    session: Option<Session>,
    /// From an id to the next; `None` where somebody else logged in.
    forwards: Vec<(usize, Option<usize>)>,
    /// The ids that clients know.
    heard: Vec<Token>,
    /// The number under which clients know each id that was drawn.
    drawn: Vec<Option<Token>>,
    requests: Vec<Request>,
    done: Vec<Operation>,
}

struct Session {
    id: usize,
    principal: Option<String>,
    attributes: Attributes,
}

struct Request {
    client: usize,
    token: Token,
    id: usize,
    call: Call,
    invoked: Nanos,
    stage: Stage,
    /// Its client does not wait any more.
    is_lost: bool,
}

enum Stage {
    Called,
    /// It found the session, with this principal and these attributes.
    Loaded(Option<String>, Attributes),
    /// There is an answer, and an id that it carries.
    Answered(Outcome, Option<usize>),
}

impl Simulation {
    /// Lets one client go one step on.
    fn step(&mut self, scene: Scene) {
        self.now += 1 + self.chance.below(5) as Nanos;
        let client = self.chance.below(scene.clients);
        let waits = |request: &Request| request.client == client && !request.is_lost;
        match self.requests.iter().position(waits) {
            None => self.call(client),
            Some(index) if self.chance.happens(scene.lost) => {
                let request = &mut self.requests[index];
                request.is_lost = true;
                let operation = operation(request, Outcome::Unknown, self.now);
                self.done.push(operation);
            }
            Some(index) => self.go_on(index),
        }
        // What nobody waits for goes on all the same, or never does.
        let unwaited = self.requests.iter().position(|request| request.is_lost);
        if let Some(index) = unwaited
            && self.chance.happens(20)
        {
            if self.chance.happens(20) {
                self.requests.remove(index);
            } else {
                self.go_on(index);
            }
        }
    }

    fn call(&mut self, client: usize) {
        let unique = self.now as i64;
        let newest = self.heard.len() - 1;
        let number = match self.chance.happens(85) {
            true => newest,
            false => self.chance.below(self.heard.len()),
        };
        let token = self.heard[number];
        let id = self.drawn.iter().position(|it| *it == Some(token));
        let attribute = self.chance.pick(&[
            (4, Attribute::Counter),
            (2, Attribute::Register),
            (4, Attribute::List),
        ]);
        let value = match self.chance.below(3) {
            0 => Value::Text(unique.to_string()),
            1 => Value::List(vec![unique]),
            _ => Value::Number(unique * 100),
        };
        let principal = self.chance.pick(&[(3, "ada"), (1, "eve")]);
        let calls = [
            (8, Call::Get(attribute)),
            (8, Call::Look),
            (6, Call::Put(attribute, value)),
            (4, Call::Delete(attribute)),
            (12, Call::Increment(attribute)),
            (8, Call::Append(attribute, unique)),
            (5, Call::ChangeId),
            (4, Call::LogIn(principal.into())),
            (1, Call::Invalidate),
        ];
        let choices: Vec<_> = calls.iter().map(|(weight, call)| (*weight, call)).collect();
        let call = self.chance.pick(&choices).clone();
        self.requests.push(Request {
            client,
            token,
            id: id.expect("an id that was heard was drawn"),
            call,
            invoked: self.now,
            stage: Stage::Called,
            is_lost: false,
        });
    }

    fn go_on(&mut self, index: usize) {
        let mut request = self.requests.swap_remove(index);
        let stage = std::mem::replace(&mut request.stage, Stage::Called);
        request.stage = match stage {
            Stage::Called => self.load(&request),
            Stage::Loaded(principal, before) => {
                let (outcome, id) = self.commit(&request, principal.as_deref(), &before);
                Stage::Answered(outcome, id)
            }
            Stage::Answered(..) if request.is_lost => return,
            Stage::Answered(mut outcome, id) => {
                if let Some(id) = id {
                    let token = Token(self.heard.len());
                    self.heard.push(token);
                    self.drawn[id] = Some(token);
                    outcome = Outcome::Rotated(token);
                }
                self.done.push(operation(&request, outcome, self.now));
                return;
            }
        };
        self.requests.push(request);
    }

    fn load(&self, request: &Request) -> Stage {
        let found = self.session.as_ref().filter(|it| it.id == request.id);
        if let Some(session) = found {
            return Stage::Loaded(session.principal.clone(), session.attributes.clone());
        }
        let has_moved = self.forwards.iter().any(|(from, _)| *from == request.id);
        let outcome = match &request.call {
            Call::Get(_) | Call::Look => Outcome::Absent,
            _ if has_moved => Outcome::NoSession,
            Call::ChangeId | Call::Invalidate => Outcome::NoSession,
            Call::Delete(_) => Outcome::Done,
            Call::Put(..) | Call::Increment(_) | Call::Append(..) | Call::LogIn(_) => {
                Outcome::Began
            }
        };
        Stage::Answered(outcome, None)
    }

    /// Does what the request asks for, which loaded `before`.
    fn commit(
        &mut self,
        request: &Request,
        principal: Option<&str>,
        before: &Attributes,
    ) -> (Outcome, Option<usize>) {
        match &request.call {
            Call::Get(attribute) => {
                let found = before.get(*attribute).cloned();
                return (found.map_or(Outcome::Absent, Outcome::Found), None);
            }
            Call::Look => {
                let principal = principal.map(str::to_owned);
                return (Outcome::Seen(before.clone(), principal), None);
            }
            Call::Delete(attribute) if before.get(*attribute).is_none() => {
                return (Outcome::Done, None);
            }
            Call::Increment(attribute) => match before.get(*attribute) {
                None | Some(Value::Number(_)) => {}
                Some(_) => return (Outcome::WrongType, None),
            },
            Call::Append(attribute, _) => match before.get(*attribute) {
                None | Some(Value::List(_)) => {}
                Some(_) => return (Outcome::WrongType, None),
            },
            _ => {}
        }
        let is_rotation = matches!(request.call, Call::ChangeId | Call::LogIn(_));
        let mut id = request.id;
        while let Some((_, to)) = self.forwards.iter().find(|(from, _)| *from == id) {
            match to {
                Some(to) if !is_rotation => id = *to,
                _ => return (Outcome::NoSession, None),
            }
        }
        let Some(session) = self.session.as_mut().filter(|it| it.id == id) else {
            return (Outcome::NoSession, None);
        };
        let attributes = &mut session.attributes;
        match &request.call {
            Call::Put(attribute, value) => attributes.set(*attribute, Some(value.clone())),
            Call::Delete(attribute) => attributes.set(*attribute, None),
            Call::Increment(attribute) => {
                let number = match attributes.get(*attribute) {
                    None => 1,
                    Some(Value::Number(number)) => number + 1,
                    Some(_) => return (Outcome::WrongType, None),
                };
                attributes.set(*attribute, Some(Value::Number(number)));
                return (Outcome::Counted(number), None);
            }
            Call::Append(attribute, item) => {
                let mut list = match attributes.get(*attribute) {
                    None => vec![],
                    Some(Value::List(list)) => list.clone(),
                    Some(_) => return (Outcome::WrongType, None),
                };
                list.push(*item);
                attributes.set(*attribute, Some(Value::List(list)));
            }
            Call::Invalidate => self.session = None,
            Call::ChangeId | Call::LogIn(_) => {
                let new = self.drawn.len();
                let mut is_told = true;
                if let Call::LogIn(name) = &request.call {
                    is_told = principal.is_none_or(|before| before == name);
                    session.principal = Some(name.clone());
                }
                if !is_told {
                    session.attributes = Attributes::default();
                }
                session.id = new;
                self.forwards.push((id, is_told.then_some(new)));
                self.drawn.push(None);
                return (Outcome::Done, Some(new));
            }
            Call::Get(_) | Call::Look => {}
        }
        (Outcome::Done, None)
    }
}

fn operation(request: &Request, outcome: Outcome, now: Nanos) -> Operation {
    Operation {
        client: request.client,
        server: 0,
        token: request.token,
        call: request.call.clone(),
        outcome,
        invoked: request.invoked,
        responded: now,
    }
}
