//! One step of a history.

use super::*;

impl World {
    pub(crate) fn play(&mut self, op: &Op) {
        match *op {
            Op::Deliver {
                id,
                kind,
                subject,
                repository,
            } => {
                let facts = inputs::webhook(id, kind, subject, repository);
                self.store(0, Input::Delivery(Box::new(facts)).into());
            }
            Op::Resize { pool, size } => self.resize(usize::from(pool), u32::from(size)),
            Op::Pause { pool, paused } => self.pause(usize::from(pool), paused),
            Op::Cancel { run } => {
                if let Some(index) = pick(&self.ledger.runs, run) {
                    self.command(Command::CancelRun {
                        run: self.ledger.runs[index],
                    });
                }
            }
            Op::Retry { run, id } => self.retry(run, id),
            Op::SetStack { project, stack } => {
                self.set_stack(usize::from(project), usize::from(stack));
            }
            Op::Repeat { command } => self.repeat(command),
            Op::Gap {
                stream,
                undecodable,
            } => self.gap(usize::from(stream), undecodable),
            Op::Read { stream } => {
                self.read(usize::from(stream));
            }
            Op::Fetch {
                executor,
                index,
                keep,
            } => self.fetch(executor, index, keep),
            Op::Publish { index, copy } => self.publish(index, copy),
            Op::Late { index } => self.arrive(index),
            Op::End { index, how } => self.end(index, how),
            Op::Resend { executor } => {
                let index = self.executor(executor);
                self.executors[index].resend();
            }
            Op::Crash { .. }
            | Op::Up { .. }
            | Op::Link { .. }
            | Op::Drain { .. }
            | Op::Leave { .. }
            | Op::Beat { .. } => self.stand(op),
            Op::Land => self.land(|_| true),
            Op::Forge {
                executor,
                run,
                kind,
                twist,
            } => self.forge(executor, run, kind, twist),
            Op::Pass { seconds } => self.pass(u64::from(seconds)),
            Op::Jump { hours } => self.jump(hours),
            Op::Tick => {
                self.handle(None, &Input::Tick, None);
            }
            Op::Stall(stalled) => self.stalled = stalled,
            Op::Answers(how) => self.answers = how,
            Op::Restart { keep, snapshot } => self.restart(usize::from(keep), snapshot),
            Op::Snapshot => self.snapshot = Some(self.round_trip()),
            Op::Flow => self.flow(),
        }
        self.observe();
        self.collect();
    }

    fn gap(&mut self, stream: usize, undecodable: bool) {
        let message = if undecodable {
            let poison = Input::Poison {
                problem: InputProblem::Undecodable,
                delivery: None,
            };
            poison.into()
        } else {
            Message::Gone
        };
        self.store(stream, message);
    }

    fn repeat(&mut self, command: u8) {
        let index = pick(&self.streams[1], command).unwrap();
        let again = self.streams[1][index].clone();
        self.store(1, again);
    }

    fn jump(&mut self, hours: i16) {
        let jumped = self.now.millis() + i64::from(hours) * 3_600_000;
        self.now = Timestamp::from_millis(jumped);
    }

    pub(super) fn pause(&mut self, pool: usize, paused: bool) {
        let (project, pool) = inputs::pools()[pool].clone();
        self.command(if paused {
            Command::PausePool { project, pool }
        } else {
            Command::ResumePool { project, pool }
        });
    }

    fn retry(&mut self, run: u8, id: u8) {
        let Some(index) = pick(&self.ledger.runs, run) else {
            return;
        };
        let request = self.ledger.requests[&self.ledger.runs[index]].clone();
        self.command(Command::RetryRun {
            request: Box::new(request),
            run: RunId::new(Uuid::from_u128(0xF000 + u128::from(id))),
        });
    }
}
