//! What moves between leader and executors, and what happens to executions.

use maestro_domain::report::Membership;

use super::*;

impl World {
    /// Something of the leader's arrives.
    pub(super) fn deliver(&mut self, sent: Late) {
        match sent {
            Late::Answer(letter, reply) => {
                if let Some(index) = letter.from {
                    self.executors[index].hear(&letter, &reply, &mut self.children);
                }
            }
            Late::Order(id, order) => {
                let mut executors = self.executors.iter_mut();
                if let Some(executor) = executors.find(|executor| executor.id == id) {
                    executor.follow(&order, &mut self.children);
                }
            }
        }
    }

    pub(super) fn arrive(&mut self, index: u8) {
        if let Some(index) = pick(&self.late, index) {
            let sent = self.late.swap_remove(index);
            self.deliver(sent);
        }
    }

    /// Takes over what the executors sent.
    pub(super) fn collect(&mut self) {
        for executor in &mut self.executors {
            if executor.link != Link::Cut {
                self.letters.extend(executor.sent());
            }
        }
    }

    pub(super) fn publish(&mut self, index: u8, copy: bool) {
        let Some(index) = pick(&self.letters, index) else {
            return;
        };
        let letter = if copy {
            self.letters[index].clone()
        } else {
            self.letters.remove(index)
        };
        let input = Input::Report(Box::new(letter.message.clone()));
        self.store(2, Message::Input(Box::new(input), Some(letter)));
    }

    pub(super) fn fetch(&mut self, executor: u8, index: u8, keep: bool) {
        let executor = pick(&self.executors, executor).unwrap();
        let executor = &mut self.executors[executor];
        let takes = |at: &usize| executor.takes(&self.run_commands[*at]);
        let ours: Vec<usize> = (0..self.run_commands.len()).filter(takes).collect();
        let Some(chosen) = pick(&ours, index) else {
            return;
        };
        executor.obey(&self.run_commands[ours[chosen]]);
        if !keep {
            self.run_commands.remove(ours[chosen]);
        }
    }

    pub(super) fn end(&mut self, index: u8, how: u8) {
        let live: Vec<Execution> = self.children.live().collect();
        let Some(index) = pick(&live, index) else {
            return;
        };
        let execution = live[index];
        let end = match how {
            0 | 1 => End::Exited { code: 0 },
            2 => End::Exited { code: 3 },
            3 => End::DeadlineExceeded,
            4 => End::OomKilled,
            5 => End::Evicted,
            6 => End::NodeLost,
            _ => End::Signaled { signal: 9 },
        };
        if how < 2 {
            self.ledger
                .succeeded
                .insert((execution.run, execution.attempt));
        }
        self.children.end_anywhere(execution, end);
    }

    /// Reports that are old, foreign or made up. They go straight to the stream.
    pub(super) fn forge(&mut self, executor: u8, run: u8, kind: u8, twist: u8) {
        let Some(index) = pick(&self.ledger.executions, run) else {
            return;
        };
        let mut execution = self.ledger.executions[index];
        if kind == 6
            && let Some(run) = self.core.state().runs.get(&execution.run)
        {
            // A lease may have moved meanwhile.
            execution = run.execution(execution.run);
        }
        match twist {
            0 => {}
            1 => execution.token += 1_000_000,
            2 => execution.token = execution.token.saturating_sub(1),
            _ => execution.attempt += 1,
        }
        let forger = ExecutorId::new(Uuid::from_u128(100 + u128::from(executor % 2)));
        let report = forged(execution, kind, twist, self.now);
        // Who once held the slot repeats itself under another token.
        let holder = self
            .core
            .state()
            .runs
            .get(&execution.run)
            .and_then(|run| run.executor);
        let executor = holder.filter(|_| twist > 0 && kind < 7).unwrap_or(forger);
        let message = ReportMessage { executor, report };
        let letter = Letter {
            message: message.clone(),
            from: None,
            incarnation: 0,
        };
        let input = Input::Report(Box::new(message));
        self.store(2, Message::Input(Box::new(input), Some(letter)));
    }

    /// Everything on its way arrives once, in order.
    pub(super) fn flow(&mut self) {
        self.collect();
        for letter in std::mem::take(&mut self.letters) {
            let input = Input::Report(Box::new(letter.message.clone()));
            self.store(2, Message::Input(Box::new(input), Some(letter)));
        }
        for stream in [1, 2, 0] {
            while self.read(stream) {}
        }
        for command in std::mem::take(&mut self.run_commands) {
            match self
                .executors
                .iter_mut()
                .find(|executor| executor.takes(&command))
            {
                Some(executor) => executor.obey(&command),
                None => self.run_commands.push(command),
            }
        }
        self.beats();
        self.look();
        self.observe();
        self.collect();
    }
}

fn forged(execution: Execution, kind: u8, twist: u8, at: Timestamp) -> Report {
    let end = if kind.is_multiple_of(2) {
        End::Exited { code: 0 }
    } else {
        End::Lost
    };
    match kind {
        0 if twist > 0 => Report::Claim(execution),
        6 => Report::Adopt(execution),
        // One that promises to serve, and is never heard again.
        7 => {
            let membership = Membership {
                site: name("cluster"),
                backend: name("kubernetes"),
            };
            Report::Inventory {
                pool: inputs::pools()[usize::from(twist % 2)].1.clone(),
                executions: vec![execution],
                membership: Some(membership),
            }
        }
        0 | 1 => Report::Started {
            execution,
            at,
            place: Place::default(),
        },
        _ => Report::Finished {
            execution,
            end,
            at,
            log_bytes: 0,
            detail: None,
        },
    }
}
