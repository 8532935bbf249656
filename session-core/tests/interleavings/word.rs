//! One order of a test as a word that can be given on a command line.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// The turns of the order being played: who has them, and how many in a row.
pub(crate) type Turns = Arc<Mutex<Vec<(usize, usize)>>>;

/// The word for the `turns` of an exploration: `2:0x3.1` is one of the second exploration of a
/// test, in which the first thread has three turns and the next thread one.
pub(crate) fn write(exploration: usize, turns: &[(usize, usize)]) -> String {
    let mut word = format!("{exploration}:");
    for (number, (task, times)) in turns.iter().enumerate() {
        let dot = if number > 0 { "." } else { "" };
        let _ = match times {
            1 => write!(word, "{dot}{task}"),
            _ => write!(word, "{dot}{task}x{times}"),
        };
    }
    word
}

/// What `write` wrote; `None` for what it did not.
pub(crate) fn read(word: &str) -> Option<(usize, Vec<(usize, usize)>)> {
    let (exploration, turns) = word.split_once(':')?;
    let read = |turn: &str| {
        let (task, times) = turn.split_once('x').unwrap_or((turn, "1"));
        Some((task.parse().ok()?, times.parse().ok()?))
    };
    let turns = turns.split('.').map(read).collect::<Option<_>>()?;
    Some((exploration.parse().ok()?, turns))
}

/// Notes whom another scheduler gives the turns.
pub(crate) struct Noting<S>(pub(crate) S, pub(crate) Turns);

impl<S: Scheduler> Scheduler for Noting<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.1.lock().unwrap().clear();
        self.0.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let next = self.0.next_task(runnable, current, is_yielding)?;
        let mut turns = self.1.lock().unwrap();
        match turns.last_mut() {
            Some((task, times)) if *task == usize::from(next) => *times += 1,
            _ => turns.push((next.into(), 1)),
        }
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// Gives the turns as they were noted, once.
pub(crate) struct Again {
    turns: std::vec::IntoIter<usize>,
    has_begun: bool,
}

impl Again {
    pub(crate) fn new(turns: Vec<(usize, usize)>) -> Self {
        let each = turns.into_iter();
        let each = each.flat_map(|(task, times)| std::iter::repeat_n(task, times));
        Self {
            turns: each.collect::<Vec<_>>().into_iter(),
            has_begun: false,
        }
    }
}

impl Scheduler for Again {
    fn new_execution(&mut self) -> Option<Schedule> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        is_first.then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let next = self
            .turns
            .next()
            .expect("the schedule ends before the test");
        let next = runnable.iter().find(|task| usize::from(task.id()) == next);
        Some(next.expect("the schedule is another test's").id())
    }

    fn next_u64(&mut self) -> u64 {
        panic!("a test that draws by chance cannot be played again");
    }
}
